/** Turns what was typed, or what daemon.json says, into a flag's value. Texts of errors are those of Go's flag package. */
import { EngineError } from "../../base/errors.ts";
import type { Json } from "../../store/store.ts";
import { keyOf } from "./flag.ts";
import type { Flag } from "./flag.ts";

const TRUE = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const FALSE = new Set(["0", "f", "F", "false", "FALSE", "False"]);

/** The value after `typed` was given on the command line; `before` is what earlier occurrences made of it. */
export function addTyped(flag: Flag, typed: string, before: Json | undefined): Json {
  const earlier = Array.isArray(before) ? before : [];
  if (flag.kind === "bool") return parseBool(flag, typed);
  if (flag.kind === "int") return parseInteger(flag, typed);
  if (flag.kind === "string") return typed;
  return [...earlier, flag.kind === "pools" ? parsePool(flag, typed) : typed];
}

/** The value of a key in daemon.json; throws when it is of the wrong shape. */
export function fromFile(flag: Flag, key: string, value: Json): Json {
  const fits = {
    bool: typeof value === "boolean",
    int: Number.isInteger(value),
    string: typeof value === "string",
    list: Array.isArray(value) && value.every((item) => typeof item === "string"),
    map: typeof value === "object" && value !== null,
    pools: Array.isArray(value) && value.every(isPool),
  }[flag.kind];
  if (fits) return value;
  // Old singular spellings of lists carry one text.
  if (flag.kind === "list" && typeof value === "string" && key !== keyOf(flag)) return [value];
  throw new EngineError("invalid-argument", `${key} must be ${SHAPES[flag.kind]}, not ${JSON.stringify(value)}`);
}

const SHAPES = {
  bool: "true or false",
  int: "a whole number",
  string: "a string",
  list: "a list of strings",
  map: "an object",
  pools: 'a list of objects with "base" and "size"',
} as const;

function isPool(value: Json): boolean {
  return typeof value === "object" && value !== null && "base" in value && "size" in value;
}

function refuse(flag: Flag, typed: string, why: string): EngineError {
  const short = flag.short === undefined ? "" : `-${flag.short}, `;
  return new EngineError("invalid-argument", `invalid argument "${typed}" for "${short}--${flag.name}" flag: ${why}`);
}

function parseBool(flag: Flag, typed: string): boolean {
  if (TRUE.has(typed)) return true;
  if (FALSE.has(typed)) return false;
  throw refuse(flag, typed, `strconv.ParseBool: parsing "${typed}": invalid syntax`);
}

function parseInteger(flag: Flag, typed: string): number {
  if (!/^[+-]?\d{1,15}$/.test(typed)) throw refuse(flag, typed, `strconv.ParseInt: parsing "${typed}": invalid syntax`);
  return Number(typed);
}

/** `base=10.10.0.0/16,size=24` */
function parsePool(flag: Flag, typed: string): Json {
  const fields = new Map(typed.split(",").map((part) => [part.slice(0, part.indexOf("=")), part]));
  const take = (name: string): string | undefined => fields.get(name)?.slice(name.length + 1);
  const [base, size] = [take("base"), take("size")];
  if (base === undefined || size === undefined || !/^\d{1,3}$/.test(size) || fields.size !== 2) {
    throw refuse(flag, typed, "it must be written base=CIDR,size=PREFIX-LENGTH");
  }
  return { base, size: Number(size) };
}
