/**
 * JSON text to values, with the sentences of Go's encoding/json for what is wrong, since clients and tests of dockerd know
 * them. `JSON.parse` does the work. Only when it refuses is the text walked to find and name the fault, and only a text
 * short enough that the walk (some 300 ns a character) keeps nobody waiting.
 */
import { EngineError, messageOf } from "../../base/errors.ts";
import { findJsonFault } from "./json-fault.ts";

/** Characters; of a longer text V8's own sentence is told. */
const LONGEST_WALK = 64 * 1024;

/** Throws `invalid-argument` as "<what>: invalid character 'x' looking for beginning of value". */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (text.length > LONGEST_WALK) throw new EngineError("invalid-argument", `${what}: ${messageOf(error)}`);
    const fault = findJsonFault(text);
    const message = fault.kind === "trailing" ? "unexpected content after JSON" : `${what}: ${fault.message}`;
    throw new EngineError("invalid-argument", message);
  }
}
