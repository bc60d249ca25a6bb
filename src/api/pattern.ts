/**
 * Regular expressions that clients send in filters. Go matches them in linear time; V8 may backtrack without end, so what is
 * more than plain text runs under a time limit that V8 enforces inside the match. Too slow or malformed is a 400.
 */
import { createContext, Script, type Context } from "node:vm";
import { EngineError } from "../base/errors.ts";

/** Milliseconds that one client's pattern may cost in one request. */
const BUDGET_MS = 100;

const PLAIN = /^[\w ./:-]*$/;
const MATCH = new Script("expression.test(value)");

/** A test of values against an unanchored pattern; both throw `invalid-argument`. */
export function compilePattern(pattern: string): (value: string) => boolean {
  if (pattern.length > 1024) throw new EngineError("invalid-argument", "filter pattern is longer than 1024 characters");
  const expression = compile(pattern);
  if (PLAIN.test(pattern)) return (value) => expression.test(value);
  const context = createContext({ expression, value: "" });
  let leftMs = BUDGET_MS;
  return (value) => {
    const started = performance.now();
    const found = runLimited(context, value, Math.max(1, Math.ceil(leftMs)));
    leftMs -= performance.now() - started;
    if (found === undefined || leftMs <= 0) {
      throw new EngineError("invalid-argument", `filter pattern '${pattern}' takes too long to match`);
    }
    return found;
  };
}

function compile(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch {
    throw new EngineError("invalid-argument", `error parsing regexp: '${pattern}'`);
  }
}

/** Undefined when the time was up. */
function runLimited(context: Context, value: string, timeout: number): boolean | undefined {
  context["value"] = value;
  try {
    return MATCH.runInContext(context, { timeout }) === true;
  } catch {
    return undefined;
  }
}
