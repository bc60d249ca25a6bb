/**
 * The values a Go template works on, as Docker's formats see them: JSON values, and rows (`GoRow`) whose fields are methods
 * of a formatter in docker. `undefined` is Go's missing value, printed `<no value>`.
 */

export type GoValue = undefined | null | boolean | number | string | readonly GoValue[] | GoObject | GoRow;

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

export function isGoList(value: GoValue): value is readonly GoValue[] {
  return Array.isArray(value);
}

export function isGoObject(value: GoValue): value is GoObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof GoRow);
}

/** Go's truth: zero, "", false, nil, and what is empty are false. */
export function isTrue(value: GoValue): boolean {
  if (value instanceof GoRow) return true;
  if (isGoList(value)) return value.length > 0;
  if (isGoObject(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** The type's name in error texts. */
export function typeNameOf(value: GoValue): string {
  if (value instanceof GoRow) return value.typeName;
  if (isGoList(value)) return "[]interface {}";
  if (isGoObject(value)) return "map[string]interface {}";
  if (typeof value === "string") return "string";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  return typeof value === "boolean" ? "bool" : "interface {}";
}
