/**
 * Record values as JSON text, strictly: what JSON would change or drop in silence (undefined, NaN, dates, class instances) is
 * refused before it is stored, so that what is read back is what was put. All backends of the store share these rules.
 */
import { EngineError } from "../base/errors.ts";
import type { Json } from "./store.ts";

/** The text to keep for a value. Throws `invalid-argument` for what JSON cannot say; `where` names the record in the error. */
export function encodeRecord(value: Json, where: string): string {
  assertJson(value, where, 0);
  return JSON.stringify(value);
}

/** The value of a text; throws SyntaxError when it is not JSON. */
export function decodeRecord(text: string): Json {
  const value: Json = JSON.parse(text);
  return value;
}

/** Deep enough for any intent, and shallow enough that the recursion cannot exhaust the stack. */
const MAX_DEPTH = 200;

function assertJson(value: unknown, where: string, depth: number): void {
  if (value === null || typeof value === "string" || typeof value === "boolean") return;
  if (typeof value === "number" && Number.isFinite(value)) return;
  if (depth >= MAX_DEPTH) throw refusal(where, `more than ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) {
    for (const element of value) assertJson(element, where, depth + 1);
  } else if (isPlainObject(value)) {
    for (const member of Object.values(value)) assertJson(member, where, depth + 1);
  } else {
    throw refusal(where, `a ${typeof value}`);
  }
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function refusal(where: string, what: string): EngineError {
  return new EngineError("invalid-argument", `store record ${where}: JSON cannot hold ${what}`);
}
