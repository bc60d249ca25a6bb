/**
 * JSON text to values, with the sentences of Go's encoding/json for what is wrong, since clients and tests of dockerd know
 * them. `JSON.parse` does the work; only when it refuses is the text walked to find and name the fault.
 */
import { EngineError } from "../../base/errors.ts";
import { findJsonFault } from "./json-fault.ts";

/** Throws `invalid-argument` as "<what>: invalid character 'x' looking for beginning of value". */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const fault = findJsonFault(text);
    const message = fault.kind === "trailing" ? "unexpected content after JSON" : `${what}: ${fault.message}`;
    throw new EngineError("invalid-argument", message);
  }
}
