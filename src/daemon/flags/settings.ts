/** What was asked for, by flag name, before it means anything: the sum of command line and daemon.json. */
import { EngineError } from "../../base/errors.ts";
import type { Json } from "../../store/store.ts";
import { flagForKey, flagNamed } from "./table.ts";

export class Settings {
  readonly #given: ReadonlyMap<string, Json>;

  constructor(given: ReadonlyMap<string, Json>) {
    this.#given = given;
  }

  /** Names of the flags that somebody set. */
  names(): readonly string[] {
    return [...this.#given.keys()];
  }

  isSet(name: string): boolean {
    return this.#given.has(name);
  }

  /** The value given, else the flag's default; undefined when there is neither. */
  value(name: string): Json | undefined {
    return this.#given.get(name) ?? (flagNamed(name) ?? flagForKey(name))?.initial;
  }

  /** A text; undefined when unset or empty, which dockerd does not tell apart. */
  text(name: string): string | undefined {
    const value = this.value(name);
    return typeof value === "string" && value !== "" ? value : undefined;
  }

  /** A text that has a default. Throws `internal` for a flag without one. */
  textOf(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw new EngineError("invalid-argument", `--${name} must not be empty`);
    return value;
  }

  flag(name: string): boolean {
    return this.value(name) === true;
  }

  number(name: string): number {
    const value = this.value(name);
    return typeof value === "number" ? value : 0;
  }

  list(name: string): readonly string[] {
    const value = this.value(name);
    return Array.isArray(value) ? value.map(String) : [];
  }
}
