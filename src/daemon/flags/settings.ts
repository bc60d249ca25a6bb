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

  /** A map, typed as `KEY=VALUE` each or written as an object in the file. Throws `invalid-argument` for what is neither. */
  pairs(name: string): ReadonlyMap<string, string> {
    const value = this.value(name);
    if (Array.isArray(value)) return new Map(value.map((pair) => splitPair(name, String(pair))));
    if (typeof value !== "object" || value === null) return new Map();
    return new Map(Object.entries(value).map(([key, item]) => [key, textOfItem(name, key, item)]));
  }
}

function splitPair(name: string, text: string): [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new EngineError(
    "invalid-argument",
    `invalid argument "${text}" for "--${name}" flag: it must be written KEY=VALUE`,
  );
}

function textOfItem(name: string, key: string, item: Json): string {
  if (typeof item === "string") return item;
  throw new EngineError("invalid-argument", `${name}: ${key} must be a string, not ${JSON.stringify(item)}`);
}
