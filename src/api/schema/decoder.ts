/**
 * Schemas for bodies, decoded as Go's encoding/json decodes into a struct: unknown fields are ignored, names match in any
 * case, null leaves a field unset, and a wrong type is refused with Go's sentence. A schema infers the type it yields.
 */
import { EngineError } from "../../base/errors.ts";
import type { Json } from "../../store/store.ts";
import { toJson } from "./json-value.ts";

/** Where in the document a value stands, for the error's text. */
export interface Place {
  /** Name of the innermost Go struct; empty at the top. */
  readonly struct: string;
  readonly path: readonly string[];
}

export interface Decoder<T> {
  /** Throws `invalid-argument`. Never sees null or undefined: they leave a field unset. */
  readonly decode: (value: unknown, place: Place) => T;
}

export type Decoded<D> = D extends Decoder<infer T> ? T : never;

type Shape = Readonly<Record<string, Decoder<unknown>>>;
type Fields<S extends Shape> = { readonly [K in keyof S]?: Decoded<S[K]> };

const ROOT: Place = { struct: "", path: [] };

/** Decodes a whole document. */
export function decodeDocument<T>(decoder: Decoder<T>, document: unknown): T {
  return decoder.decode(document, ROOT);
}

export const text: Decoder<string> = {
  decode: (value, place) => (typeof value === "string" ? value : mismatch(value, place, "string")),
};

export const bool: Decoder<boolean> = {
  decode: (value, place) => (typeof value === "boolean" ? value : mismatch(value, place, "bool")),
};

/** An integer of a Go type; `int64` unless told otherwise. */
export function integer(goType: "int" | "int64" | "uint16" = "int64"): Decoder<number> {
  return {
    decode(value, place) {
      if (typeof value !== "number") return mismatch(value, place, goType);
      const fits = Number.isInteger(value) && (goType !== "uint16" || (value >= 0 && value < 65536));
      return fits ? value : mismatch(value, place, goType, `number ${value}`);
    },
  };
}

/** Anything at all, kept as it came. */
export const anything: Decoder<Json> = { decode: (value) => toJson(value) };

export function list<T>(item: Decoder<T>, goType = "[]string"): Decoder<readonly T[]> {
  return {
    decode(value, place) {
      if (!Array.isArray(value)) return mismatch(value, place, goType);
      return value.filter((element) => element !== null).map((element) => item.decode(element, place));
    },
  };
}

/** A string or a list of strings (Go's `strslice.StrSlice`: Cmd, Entrypoint). */
export const words: Decoder<readonly string[]> = {
  decode(value, place) {
    if (Array.isArray(value)) return list(text).decode(value, place);
    return typeof value === "string" ? [value] : mismatch(value, place, "string");
  },
};

/** A map of strings to one type. Members that are null are left out, or become `whenNull` where given. */
export function map<T>(
  item: Decoder<T>,
  goType = "map[string]string",
  whenNull?: T,
): Decoder<Readonly<Record<string, T>>> {
  return {
    decode(value, place) {
      if (!isObject(value)) return mismatch(value, place, goType);
      const decoded = Object.entries(value).map(([key, member]): [string, T | undefined] => [
        key,
        member === null ? whenNull : item.decode(member, place),
      ]);
      return Object.fromEntries(decoded.filter((entry): entry is [string, T] => entry[1] !== undefined));
    },
  };
}

/** The keys of a Go set (`map[nat.Port]struct{}`): their values say nothing. */
export const keys: Decoder<readonly string[]> = {
  decode: (value, place) => (isObject(value) ? Object.keys(value) : mismatch(value, place, "map[string]struct {}")),
};

/** A struct under its Go name, which error texts show; every field is optional. */
export function struct<S extends Shape>(name: string, shape: S): Decoder<Fields<S>> {
  const fields = new Map(Object.keys(shape).map((key) => [key.toLowerCase(), key]));
  return {
    decode(value, place) {
      if (!isObject(value)) return mismatch(value, place, name);
      const decoded: Record<string, unknown> = {};
      for (const [key, member] of Object.entries(value)) {
        const field = Object.hasOwn(shape, key) ? key : fields.get(key.toLowerCase());
        const decoder = field === undefined ? undefined : shape[field];
        if (field === undefined || decoder === undefined || member === null) continue;
        decoded[field] = decoder.decode(member, { struct: name, path: [...place.path, field] });
      }
      // Each member was decoded by its field's own decoder, which TypeScript cannot follow through the loop.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return decoded as Fields<S>;
    },
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mismatch(value: unknown, place: Place, goType: string, shown = kindOf(value)): never {
  const target =
    place.struct === ""
      ? `value of type ${goType}`
      : `struct field ${place.struct}.${place.path.join(".")} of type ${goType}`;
  throw new EngineError("invalid-argument", `invalid JSON: json: cannot unmarshal ${shown} into Go ${target}`);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "boolean") return "bool";
  return Array.isArray(value) ? "array" : typeof value;
}
