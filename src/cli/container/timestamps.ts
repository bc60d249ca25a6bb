/** Moments as `--since` and `--until` take them: Unix seconds, a Go duration back from now, or RFC 3339 with parts left out. */
import { CliFailure } from "../failure.ts";

/** Unix seconds, with nanoseconds behind a dot where there are any, as the API takes them. Throws CliFailure. */
export function parseTimestamp(text: string, nowMs: number = Date.now()): string {
  if (/^\d+(\.\d+)?$/.test(text)) return text;
  const back = parseDuration(text);
  if (back !== undefined) return seconds(nowMs - back);
  const match = /^(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(\.\d+)?)?)?)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  if (match === null) throw new CliFailure(`failed to parse value as time or duration: "${text}"`);
  const [, date, hour = "00", minute = "00", second = "00", fraction = "", zone = ""] = match;
  const ms = Date.parse(`${date}T${hour}:${minute}:${second}${zone}`);
  return `${Math.floor(ms / 1000)}.${fraction.slice(1).padEnd(9, "0").slice(0, 9)}`;
}

function seconds(ms: number): string {
  const whole = Math.floor(ms / 1000);
  return `${whole}.${String(Math.round((ms - whole * 1000) * 1e6)).padStart(9, "0")}`;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds of `1h30m`; undefined for what is no duration. */
function parseDuration(text: string): number | undefined {
  if (!/^[+-]?(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)];
  const total = parts.reduce((sum, [, amount, unit = ""]) => sum + Number(amount) * (UNITS_MS[unit] ?? 0), 0);
  return text.startsWith("-") ? -total : total;
}
