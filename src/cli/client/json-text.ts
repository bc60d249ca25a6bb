/**
 * JSON as the API sends it, no digit lost: whole numbers that a JavaScript number cannot hold (times in nanoseconds, counters)
 * become bigints.
 */

export type ApiJson =
  null | boolean | number | bigint | string | readonly ApiJson[] | { readonly [key: string]: ApiJson };

/** ECMAScript's "JSON.parse source text access", in Node since 22, which TypeScript's library does not know yet. */
type Reviver = (key: string, value: ApiJson, context: { readonly source?: string }) => ApiJson;

declare global {
  interface JSON {
    parse(text: string, reviver: Reviver): ApiJson;
    rawJSON(text: string): { readonly rawJSON: string };
  }
}

/** Text without so many digits in a row has no number that is too long. */
const LONG = /\d{16}/;

/** Throws SyntaxError. */
export function parseJson(text: string): ApiJson {
  if (LONG.test(text)) return JSON.parse(text, exactly);
  const json: ApiJson = JSON.parse(text);
  return json;
}

const exactly: Reviver = (_key, value, { source = "" }) =>
  typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? BigInt(source) : value;
