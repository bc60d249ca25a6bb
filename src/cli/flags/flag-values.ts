/** A command's flags as they were given: typed reading of what commander collected, by the flag's long name. */

export class FlagValues {
  readonly #values: ReadonlyMap<string, readonly string[] | boolean>;

  readonly #onByDefault: ReadonlySet<string>;

  /** A text or list flag maps to its values in order; a switch to whether it is on. Flags that were not given are absent. */
  constructor(values: ReadonlyMap<string, readonly string[] | boolean>, onByDefault: ReadonlySet<string>) {
    this.#values = values;
    this.#onByDefault = onByDefault;
  }

  /** Whether the user typed the flag. */
  given(name: string): boolean {
    return this.#values.has(name);
  }

  /** Whether a switch is on. */
  isOn(name: string): boolean {
    return (this.#values.get(name) ?? this.#onByDefault.has(name)) === true;
  }

  /** The last value given; undefined when none was. */
  text(name: string): string | undefined {
    return this.list(name).at(-1);
  }

  list(name: string): readonly string[] {
    const value = this.#values.get(name);
    return typeof value === "object" ? value : [];
  }

  /** The last value as a number; its syntax was checked when it was read. */
  number(name: string): number | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : Number(value);
  }
}
