/**
 * Reads JSON of the remote protocol as Go's encoding/json reads it into a struct: what is missing or null is the zero value,
 * names match in any case, unknown members are passed over. Only a wrong type is refused, with a RecordError that names the
 * field. Nothing here follows the sender's nesting, so no depth of it can exhaust the stack.
 */
import { RecordError } from "../../../store/record-reader.ts";

export class WireReader {
  readonly #value: unknown;
  readonly #path: string;

  /** `path` is how errors name the value. */
  constructor(value: unknown, path: string) {
    this.#value = value ?? undefined;
    this.#path = path;
  }

  /** Of the text of a whole body; an empty one is refused. */
  static parse(text: string, path: string): WireReader {
    try {
      return new WireReader(JSON.parse(text), path);
    } catch (cause) {
      throw new RecordError(`${path}: not JSON: ${JSON.stringify(text.slice(0, 60))}`, { cause });
    }
  }

  /** A member of an object; of a missing object, missing too. An exact name is preferred to one in another case. */
  field(name: string): WireReader {
    const members = this.#object("an object") ?? {};
    const lower = name.toLowerCase();
    const key = Object.hasOwn(members, name) ? name : Object.keys(members).find((each) => each.toLowerCase() === lower);
    return new WireReader(key === undefined ? undefined : members[key], `${this.#path}.${name}`);
  }

  get isPresent(): boolean {
    return this.#value !== undefined;
  }

  text(): string {
    if (this.#value === undefined) return "";
    return typeof this.#value === "string" ? this.#value : this.#refuse("text");
  }

  flag(): boolean {
    if (this.#value === undefined) return false;
    return typeof this.#value === "boolean" ? this.#value : this.#refuse("true or false");
  }

  integer(): number {
    if (this.#value === undefined) return 0;
    return Number.isSafeInteger(this.#value) ? Number(this.#value) : this.#refuse("a whole number");
  }

  list<T>(read: (item: WireReader) => T): readonly T[] {
    if (this.#value === undefined) return [];
    if (!Array.isArray(this.#value)) return this.#refuse("a list");
    return this.#value.map((item: unknown, index) => read(new WireReader(item, `${this.#path}[${index}]`)));
  }

  map<T>(read: (item: WireReader) => T): Readonly<Record<string, T>> {
    const members = Object.entries(this.#object("an object") ?? {});
    return Object.fromEntries(members.map(([key, item]) => [key, read(new WireReader(item, `${this.#path}.${key}`))]));
  }

  /** An object whose members are kept as they came. */
  options(): Readonly<Record<string, unknown>> {
    return this.map((item) => item.#value ?? null);
  }

  /** What `read` makes of the value; undefined when it is missing. */
  optional<T>(read: (reader: WireReader) => T): T | undefined {
    return this.isPresent ? read(this) : undefined;
  }

  #object(expected: string): Readonly<Record<string, unknown>> | undefined {
    const value = this.#value;
    if (value === undefined || isObject(value)) return value;
    return this.#refuse(expected);
  }

  #refuse(expected: string): never {
    throw new RecordError(`${this.#path}: expected ${expected}, found ${briefly(this.#value)}`);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function briefly(value: unknown): string {
  if (typeof value === "object") return Array.isArray(value) ? "a list" : "an object";
  return JSON.stringify(value).slice(0, 80);
}
