/** Integers beyond 2^53 (times in nanoseconds, counters) that JSON.stringify prints digit for digit. */

/** A value of `JSON.rawJSON` (ECMAScript proposal, shipped in Node 22), which TypeScript's library does not know yet. */
export interface RawJson {
  readonly rawJSON: string;
}

declare global {
  interface JSON {
    rawJSON(text: string): RawJson;
  }
}

export function exactInteger(value: bigint): RawJson {
  return JSON.rawJSON(value.toString());
}
