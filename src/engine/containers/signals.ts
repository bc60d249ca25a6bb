/** Signals as users write them: a number, `KILL`, `SIGKILL`, `SIGRTMIN+3` (signal(7), Linux numbers). */
import { constants } from "node:os";
import { EngineError } from "../../base/errors.ts";

const RTMIN = 34;
const RTMAX = 64;

const numbers: ReadonlyMap<string, number> = new Map(Object.entries(constants.signals));

/** The signal's number. Throws `invalid-argument` "invalid signal: X". */
export function parseSignal(text: string): number {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number >= 1 && number <= RTMAX) return number;
  }
  const name = text.toUpperCase().replace(/^(SIG)?/, "SIG");
  const known = numbers.get(name) ?? realTime(name);
  if (known === undefined) throw new EngineError("invalid-argument", `invalid signal: ${text}`);
  return known;
}

function realTime(name: string): number | undefined {
  const match = /^SIGRTM(IN|AX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (match === null) return undefined;
  const base = match[1] === "IN" ? RTMIN : RTMAX;
  const number = base + (match[2] === "-" ? -1 : 1) * Number(match[3] ?? "0");
  return number >= RTMIN && number <= RTMAX ? number : undefined;
}
