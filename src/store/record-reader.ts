/**
 * Reads a stored JSON value field by field and checks every one, because a store's file can be edited, truncated or written
 * by another version. A wrong field throws RecordError that names it; nothing is guessed and nothing extra is kept.
 */
import { tryParseAddress, type IpAddress } from "../addr/ip-address.ts";
import { tryParseMac, type MacAddress } from "../addr/mac-address.ts";
import { tryParsePrefix, type Prefix } from "../addr/prefix.ts";
import type { Json } from "./store.ts";

/** A record that cannot be understood: where in it, and what was expected. */
export class RecordError extends Error {
  override readonly name = "RecordError";
}

export class RecordReader {
  readonly #value: Json | undefined;
  readonly #path: string;

  /** `path` is how errors name the value. */
  constructor(value: Json | undefined, path: string) {
    this.#value = value;
    this.#path = path;
  }

  /** The member of an object; members that are missing are read by `optional` only. */
  field(key: string): RecordReader {
    const value = this.#value;
    if (!isObject(value)) throw this.#wrong("an object");
    return new RecordReader(Object.hasOwn(value, key) ? value[key] : undefined, `${this.#path}.${key}`);
  }

  text(): string {
    if (typeof this.#value !== "string") throw this.#wrong("text");
    return this.#value;
  }

  /** Whatever it is, for somebody else to read. */
  json(): Json {
    if (this.#value === undefined) throw this.#wrong("a value");
    return this.#value;
  }

  flag(): boolean {
    if (typeof this.#value !== "boolean") throw this.#wrong("true or false");
    return this.#value;
  }

  integer(): number {
    if (typeof this.#value !== "number" || !Number.isSafeInteger(this.#value)) throw this.#wrong("a whole number");
    return this.#value;
  }

  /** Nanoseconds, kept as decimal text because JSON numbers are too small for them. */
  nanoseconds(): bigint {
    if (typeof this.#value !== "string" || !/^\d{1,20}$/.test(this.#value)) throw this.#wrong("nanoseconds");
    return BigInt(this.#value);
  }

  address(): IpAddress {
    return this.#parsed(tryParseAddress, "an IP address");
  }

  prefix(): Prefix {
    return this.#parsed(tryParsePrefix, "an address with a prefix length");
  }

  mac(): MacAddress {
    return this.#parsed(tryParseMac, "a MAC address");
  }

  oneOf<T extends string | number>(choices: readonly T[]): T {
    const found = choices.find((choice) => choice === this.#value);
    if (found === undefined) throw this.#wrong(`one of ${choices.join(", ")}`);
    return found;
  }

  /** Undefined when the value is missing, otherwise what `read` makes of it. */
  optional<T>(read: (reader: RecordReader) => T): T | undefined {
    return this.#value === undefined ? undefined : read(this);
  }

  list<T>(read: (reader: RecordReader) => T): readonly T[] {
    const value = this.#value;
    if (!Array.isArray(value)) throw this.#wrong("a list");
    return value.map((item: Json, index) => read(new RecordReader(item, `${this.#path}[${index}]`)));
  }

  map<T>(read: (reader: RecordReader) => T): Readonly<Record<string, T>> {
    const value = this.#value;
    if (!isObject(value)) throw this.#wrong("an object");
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, read(new RecordReader(item, `${this.#path}.${key}`))]),
    );
  }

  #parsed<T>(parse: (text: string) => T | undefined, expected: string): T {
    const result = typeof this.#value === "string" ? parse(this.#value) : undefined;
    if (result === undefined) throw this.#wrong(expected);
    return result;
  }

  #wrong(expected: string): RecordError {
    const found = this.#value === undefined ? "nothing" : JSON.stringify(this.#value).slice(0, 80);
    return new RecordError(`${this.#path}: expected ${expected}, found ${found}`);
  }
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The object without its undefined members, so that an absent field is absent and not undefined. */
export function present<T extends object>(object: T): Present<T> {
  // Entries with undefined are dropped, which is exactly what Present says; TypeScript cannot follow fromEntries.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Present<T>;
}
