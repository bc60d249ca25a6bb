/** Go's `fmt`, as far as templates use it: the `%v` of any value, and `printf`. */
import { GoRow, isGoList, isGoObject, typeNameOf, type GoValue } from "./go-value.ts";

/** As `{{.X}}` prints it: the missing value is `<no value>`. */
export function printValue(value: GoValue): string {
  return value === undefined || value === null ? "<no value>" : formatValue(value);
}

/** `%v`: `[a b]`, `map[k:v]` with sorted keys. */
export function formatValue(value: GoValue): string {
  if (value === undefined || value === null) return "<nil>";
  if (isGoList(value)) return `[${value.map(formatValue).join(" ")}]`;
  if (value instanceof GoRow) return `{${Object.values(value.fields).map(formatValue).join(" ")}}`;
  if (isGoObject(value)) {
    const keys = Object.keys(value).sort();
    return `map[${keys.map((key) => `${key}:${formatValue(value[key])}`).join(" ")}]`;
  }
  return String(value);
}

/** JSON as docker prints it: of a row with its fields in alphabetical order and HTML's characters escaped. */
export function formatJson(value: GoValue): string {
  if (!(value instanceof GoRow)) return stringify(value);
  const sorted = Object.entries(value.fields).sort(([a], [b]) => (a < b ? -1 : 1));
  return escapeHtml(stringify(Object.fromEntries(sorted)));
}

function stringify(value: GoValue): string {
  const exact = (_key: string, member: unknown): unknown =>
    typeof member === "bigint" ? JSON.rawJSON(String(member)) : member;
  return JSON.stringify(value ?? null, exact);
}

/** As Go's encoder does unless told otherwise. */
function escapeHtml(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** `fmt.Sprint`: a space between operands when neither is a string. */
export function sprint(values: readonly GoValue[]): string {
  return values.reduce<string>((result, value, index) => {
    const previous = values[index - 1];
    const spaced = index > 0 && typeof value !== "string" && typeof previous !== "string";
    return result + (spaced ? " " : "") + formatValue(value);
  }, "");
}

export function sprintln(values: readonly GoValue[]): string {
  return `${values.map(formatValue).join(" ")}\n`;
}

/** `fmt.Sprintf` with the verbs v d s q t x X o b c e f g T, flags and widths. */
export function sprintf(format: string, values: readonly GoValue[]): string {
  let next = 0;
  const take = (): GoValue => values[next++];
  const result = format.replace(/%([-+# 0]*)(\*|\d+)?(?:\.(\d+))?(.?)/gsu, (...groups: (string | undefined)[]) => {
    const [, flags = "", width, precision, verb = ""] = groups;
    if (verb === "%") return "%";
    if (verb === "") return "%!(NOVERB)";
    const size = width === "*" ? Number(take()) : Number(width ?? 0);
    if (next >= values.length) return `%!${verb}(MISSING)`;
    return pad(formatVerb(verb, flags, precision, take()), size, flags);
  });
  if (next >= values.length) return result;
  const extra = values.slice(next).map((value) => `${typeNameOf(value)}=${formatValue(value)}`);
  return `${result}%!(EXTRA ${extra.join(", ")})`;
}

function formatVerb(verb: string, flags: string, precision: string | undefined, value: GoValue): string {
  const signed = (text: string): string => (flags.includes("+") && !text.startsWith("-") ? `+${text}` : text);
  if (verb === "v") return formatValue(value);
  if (verb === "T") return typeNameOf(value);
  if (verb === "s" && typeof value === "string")
    return Array.from(value)
      .slice(0, Number(precision ?? Infinity))
      .join("");
  if (verb === "s" && (isGoList(value) || isGoObject(value))) return formatValue(value);
  if (verb === "q" && typeof value === "string") return JSON.stringify(value);
  if (verb === "q" && isGoList(value))
    return `[${value.map((member) => formatVerb("q", "", undefined, member)).join(" ")}]`;
  if (verb === "t" && typeof value === "boolean") return String(value);
  if (verb === "x" && typeof value === "string") return Buffer.from(value).toString("hex");
  if (verb === "d" && typeof value === "bigint") return signed(String(value));
  if (typeof value !== "number") return `%!${verb}(${typeNameOf(value)}=${formatValue(value)})`;
  if (verb === "d") return signed(String(value));
  if (verb === "f" || verb === "F") return signed(value.toFixed(Number(precision ?? 6)));
  if (verb === "e") return signed(value.toExponential(Number(precision ?? 6)));
  if (verb === "g")
    return signed(precision === undefined ? String(value) : String(Number(value.toPrecision(Number(precision)))));
  if (verb === "c") return String.fromCodePoint(value);
  const radix = { x: 16, X: 16, o: 8, b: 2 }[verb];
  if (radix === undefined) return `%!${verb}(${typeNameOf(value)}=${formatValue(value)})`;
  const digits = value.toString(radix);
  return signed(verb === "X" ? digits.toUpperCase() : digits);
}

function pad(text: string, width: number, flags: string): string {
  const missing = width - Array.from(text).length;
  if (missing <= 0) return text;
  if (flags.includes("-")) return text + " ".repeat(missing);
  if (!flags.includes("0")) return " ".repeat(missing) + text;
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  return sign + "0".repeat(missing) + text.slice(sign.length);
}
