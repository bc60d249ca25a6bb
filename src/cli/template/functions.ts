/** The functions of a template: Go's own, and those that docker adds (https://docs.docker.com/engine/cli/formatting/). */
import { formatJson, formatValue, sprint, sprintf, sprintln } from "./go-print.ts";
import { isGoList, isGoObject, isTrue, typeNameOf, type GoMethod, type GoValue } from "./go-value.ts";

/** Throws Error with Go's reason for arguments that do not fit. */
export const FUNCTIONS: Readonly<Record<string, GoMethod>> = {
  and: (...args) => args.find((value) => !isTrue(value)) ?? args.at(-1),
  or: (...args) => args.find(isTrue) ?? args.at(-1),
  not: (value) => !isTrue(value),
  len: length,
  index: (value, ...keys) => keys.reduce<GoValue>(indexInto, value),
  slice,
  print: (...args) => sprint(args),
  println: (...args) => sprintln(args),
  printf: (format, ...args) => sprintf(text(format), args),
  urlquery: (...args) => encodeURIComponent(sprint(args)).replaceAll("%20", "+"),
  eq: (first, ...others) => others.some((other) => same(first, other)),
  ne: (a, b) => !same(a, b),
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  json: (value) => formatJson(value),
  split: (value, separator) => text(value).split(text(separator)),
  join: (value, separator) => (isGoList(value) ? value.map(formatValue).join(text(separator)) : text(value)),
  title: (value) => text(value).replace(/(^|\s)(\p{Ll})/gu, (found) => found.toUpperCase()),
  lower: (value) => text(value).toLowerCase(),
  upper: (value) => text(value).toUpperCase(),
  pad: (value, left, right) =>
    text(value) === "" ? "" : " ".repeat(integer(left)) + text(value) + " ".repeat(integer(right)),
  truncate: (value, width) => Array.from(text(value)).slice(0, integer(width)).join(""),
};

/** Fewest and most arguments, where that is not any number. */
const ARGUMENTS: Readonly<Record<string, readonly [minimum: number, maximum: number]>> = {
  ...Object.fromEntries(["not", "len", "json", "title", "lower", "upper"].map((name) => [name, [1, 1] as const])),
  ...Object.fromEntries(
    ["ne", "lt", "le", "gt", "ge", "split", "join", "truncate"].map((name) => [name, [2, 2] as const]),
  ),
  ...Object.fromEntries(["and", "or", "eq", "index", "printf"].map((name) => [name, [1, Infinity] as const])),
  pad: [3, 3],
  slice: [1, 4],
};

/** Throws Error with Go's sentence when the function does not take so many. */
export function assertArgumentCount(name: string, count: number): void {
  const [minimum, maximum] = ARGUMENTS[name] ?? [0, Infinity];
  if (count >= minimum && count <= maximum) return;
  const wanted = maximum === Infinity ? `at least ${minimum}` : String(minimum);
  throw new Error(`wrong number of args for ${name}: want ${wanted} got ${count}`);
}

function text(value: GoValue): string {
  if (typeof value === "string") return value;
  throw new Error(`wrong type for value; expected string; got ${typeNameOf(value)}`);
}

function integer(value: GoValue): number {
  if (typeof value === "number" && Number.isInteger(value)) return value;
  throw new Error(`wrong type for value; expected int; got ${typeNameOf(value)}`);
}

function length(value: GoValue): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (isGoList(value)) return value.length;
  if (isGoObject(value)) return Object.keys(value).length;
  if (value === undefined || value === null) throw new Error("error calling len: len of nil pointer");
  throw new Error(`error calling len: len of type ${typeNameOf(value)}`);
}

function indexInto(value: GoValue, key: GoValue): GoValue {
  if (isGoList(value) || typeof value === "string") {
    const index = integer(key);
    if (index < 0 || index >= value.length) throw new Error(`error calling index: index out of range: ${index}`);
    return typeof value === "string" ? value.charCodeAt(index) : value[index];
  }
  if (isGoObject(value)) return Object.hasOwn(value, text(key)) ? value[text(key)] : "";
  if (value === undefined || value === null) throw new Error("error calling index: index of untyped nil");
  throw new Error(`error calling index: can't index item of type ${typeNameOf(value)}`);
}

function slice(value: GoValue, from?: GoValue, to?: GoValue): GoValue {
  if (!isGoList(value) && typeof value !== "string")
    throw new Error(`error calling slice: can't slice item of type ${typeNameOf(value)}`);
  const [start, end] = [from === undefined ? 0 : integer(from), to === undefined ? value.length : integer(to)];
  for (const index of [start, end]) {
    if (index < 0 || index > value.length) throw new Error(`error calling slice: index out of range: ${index}`);
  }
  return value.slice(start, end);
}

function same(a: GoValue, b: GoValue): boolean {
  if ((a ?? null) === null || (b ?? null) === null) return (a ?? null) === (b ?? null);
  if (isNumeric(a) && isNumeric(b)) return compare(a, b) === 0;
  if (typeof a !== typeof b) throw new Error("error calling eq: incompatible types for comparison");
  return typeof a === "object" ? formatJson(a) === formatJson(b) : a === b;
}

function isNumeric(value: GoValue): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function compare(a: GoValue, b: GoValue): number {
  if (isNumeric(a) && isNumeric(b)) return a < b ? -1 : Number(a > b);
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : Number(a > b);
  throw new Error("error calling lt: incompatible types for comparison");
}
