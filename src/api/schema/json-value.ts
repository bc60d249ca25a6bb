/** Checked conversion to JSON values: what came from JSON.parse is known to be one, but TypeScript does not know it. */
import { EngineError } from "../../base/errors.ts";
import type { Json } from "../../store/store.ts";

/** As Go's decoder, which refuses deeper documents. */
const MAX_DEPTH = 10_000;

/** A copy without undefined members. Throws `invalid-argument` for nesting beyond 10,000 and for what JSON cannot say. */
export function toJson(value: unknown, depth = 0): Json {
  if (depth > MAX_DEPTH) throw new EngineError("invalid-argument", "invalid JSON: exceeded max depth");
  if (value === null || typeof value === "string" || typeof value === "boolean" || typeof value === "number")
    return value;
  if (Array.isArray(value)) return value.map((item) => toJson(item, depth + 1));
  if (typeof value !== "object") throw new EngineError("invalid-argument", `invalid JSON: ${typeof value} is no value`);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([key, member]) => [key, toJson(member, depth + 1)]));
}
