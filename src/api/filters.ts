/**
 * The `filters` parameter: `{"name":["a","b"]}` or `{"name":{"a":true}}` (API before 1.22, which some clients still send).
 * Values of one key are alternatives, keys must all match. Follows moby `api/types/filters` and `daemon/network/filter.go`.
 */
import { EngineError } from "../base/errors.ts";
import { compilePattern } from "./pattern.ts";
import { parseJson } from "./schema/json-text.ts";

export class Filters {
  readonly #values: ReadonlyMap<string, readonly string[]>;
  readonly #patterns = new Map<string, (value: string) => boolean>();

  private constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /** Throws `invalid-argument` when the text is no filter, or has a key that is not `accepted`. */
  static parse(text: string, accepted: readonly string[]): Filters {
    const values = new Map<string, readonly string[]>();
    if (text === "") return new Filters(values);
    const parsed = parseJson(text, "invalid filter");
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw malformed();
    for (const [key, value] of Object.entries(parsed)) {
      if (!accepted.includes(key)) throw new EngineError("invalid-argument", `invalid filter '${key}'`);
      values.set(key, filterValues(value));
    }
    return new Filters(values);
  }

  has(key: string): boolean {
    return this.values(key).length > 0;
  }

  values(key: string): readonly string[] {
    return this.#values.get(key) ?? [];
  }

  /** Whether a value is among the asked ones; true when nothing was asked. */
  exact(key: string, value: string): boolean {
    const asked = this.values(key);
    return asked.length === 0 || asked.includes(value);
  }

  /** Equal to, or an unanchored regular expression that matches `value`; true when nothing was asked. */
  pattern(key: string, value: string): boolean {
    const asked = this.values(key);
    return asked.length === 0 || asked.includes(value) || asked.some((text) => this.#pattern(text)(value));
  }

  #pattern(text: string): (value: string) => boolean {
    const known = this.#patterns.get(text) ?? compilePattern(text);
    this.#patterns.set(text, known);
    return known;
  }

  /** All of `k` and `k=v` hold; true when nothing was asked. */
  labels(key: string, labels: Readonly<Record<string, string>>): boolean {
    return this.values(key).every((asked) => hasLabel(labels, asked));
  }

  /** None of `k` and `k=v` holds (`label!`). */
  withoutLabels(key: string, labels: Readonly<Record<string, string>>): boolean {
    return !this.values(key).some((asked) => hasLabel(labels, asked));
  }

  /** A boolean filter; undefined when absent. Throws `invalid-argument` with Docker's sentences. */
  boolean(key: string): boolean | undefined {
    const value = this.single(key);
    if (value === undefined) return undefined;
    if (value === "1" || value === "true") return true;
    if (value === "0" || value === "false") return false;
    throw new EngineError(
      "invalid-argument",
      `invalid value for filter '${key}', must be "true" (or "1"), or "false" (or "0")`,
    );
  }

  /** The only value; undefined when absent. */
  single(key: string): string | undefined {
    const values = this.values(key);
    if (values.length > 1) {
      throw new EngineError("invalid-argument", `got more than one value for filter key "${key}"`);
    }
    return values[0];
  }
}

function filterValues(value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed();
  return Object.entries(value).flatMap(([key, chosen]) => (chosen === true ? [key] : []));
}

function malformed(): EngineError {
  return new EngineError("invalid-argument", "invalid filter: must be a map of names to lists of values");
}

function hasLabel(labels: Readonly<Record<string, string>>, asked: string): boolean {
  const equals = asked.indexOf("=");
  if (equals < 0) return Object.hasOwn(labels, asked);
  return labels[asked.slice(0, equals)] === asked.slice(equals + 1);
}

/** `until`: a Go duration before now ("10m", "1h30m"), Unix seconds, or an RFC 3339 time; nanoseconds since the epoch. */
export function parseUntil(text: string, nowNs: bigint): bigint {
  const duration = parseGoDuration(text);
  if (duration !== undefined) return nowNs - duration;
  if (/^\d{1,12}(\.\d{1,9})?$/.test(text)) {
    const [seconds = "0", fraction = ""] = text.split(".");
    return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
  }
  const parsed = Date.parse(text);
  if (Number.isNaN(parsed)) {
    throw new EngineError("invalid-argument", `invalid filter 'until=${text}': not a time stamp or duration`);
  }
  return BigInt(parsed) * 1_000_000n;
}

const UNIT_NS: Readonly<Record<string, number>> = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

function parseGoDuration(text: string): bigint | undefined {
  if (!/^(\d{1,9}(\.\d{1,9})?(ms|s|m|h))+$/.test(text)) return undefined;
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g);
  let total = 0n;
  for (const [, amount = "0", unit = "s"] of parts) total += BigInt(Math.round(Number(amount) * (UNIT_NS[unit] ?? 0)));
  return total;
}
