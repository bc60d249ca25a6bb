/**
 * The values a Go template works on, as Docker's formats see them: JSON values, and rows (`GoRow`) whose fields are methods
 * of a formatter in docker. `undefined` is Go's missing value, printed `<no value>`.
 */
import { formatInstant } from "../format/go-time.ts";

export type GoValue =
  undefined | null | boolean | number | bigint | string | readonly GoValue[] | GoObject | GoRow | GoTime;

export interface GoObject {
  readonly [key: string]: GoValue;
}

/** A field that takes arguments: `.Label "key"`. */
export type GoMethod = (...args: readonly GoValue[]) => GoValue;

/** Named fields, all known: asking for another is an error, unlike with a JSON object. */
export class GoRow {
  /** As Go names it in errors: `*formatter.ContainerContext`. */
  readonly typeName: string;
  readonly fields: Readonly<Record<string, GoValue>>;
  readonly methods: Readonly<Record<string, GoMethod>>;

  constructor(
    typeName: string,
    fields: Readonly<Record<string, GoValue>>,
    methods: Readonly<Record<string, GoMethod>> = {},
  ) {
    this.typeName = typeName;
    this.fields = fields;
    this.methods = methods;
  }
}

/** A moment, printed as Go prints one and written to JSON as it came. */
export class GoTime {
  /** RFC 3339. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return formatInstant(this.text);
  }

  toJSON(): string {
    return this.text;
  }
}

export function isGoList(value: GoValue): value is readonly GoValue[] {
  return Array.isArray(value);
}

export function isGoObject(value: GoValue): value is GoObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return !(value instanceof GoRow) && !(value instanceof GoTime);
}

/** Go's truth: zero, "", false, nil, and what is empty are false. */
export function isTrue(value: GoValue): boolean {
  if (value instanceof GoRow || value instanceof GoTime) return true;
  if (isGoList(value)) return value.length > 0;
  if (isGoObject(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** The type's name in error texts. */
export function typeNameOf(value: GoValue): string {
  if (value instanceof GoRow) return value.typeName;
  if (value instanceof GoTime) return "time.Time";
  if (typeof value === "bigint") return "int64";
  if (isGoList(value)) return "[]interface {}";
  if (isGoObject(value)) return "map[string]interface {}";
  if (typeof value === "string") return "string";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  return typeof value === "boolean" ? "bool" : "interface {}";
}
