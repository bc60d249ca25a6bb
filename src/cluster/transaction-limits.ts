/**
 * What every cluster store refuses before it sends anything, so that all three refuse the same: malformed keys, records too
 * large, transactions too long or with one key written twice. And the one form of the error for a store that is away.
 */
import { EngineError, messageOf } from "../base/errors.ts";
import { MAX_KEY_BYTES, MAX_OPERATIONS, type ClusterTransaction } from "./cluster-store.ts";

/** Of all values of one transaction together, in UTF-8: what fits into one request to Consul. */
export const MAX_VALUE_BYTES = 256 * 1024;

/** Parts "." and ".." mean something else in a URL, and nothing in ZooKeeper. */
const KEY = /^(?!\.{1,2}(?:\/|$))[A-Za-z0-9._:-]+(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._:-]+)*$/;

/** "cluster store etcd://...: why". */
export function storeUnavailable(address: string, why: string, cause?: unknown): EngineError {
  return new EngineError("unavailable", `${opening(address)}${why}`, { cause });
}

/** Why, of such an error or any other, for those who know which store it is. */
export function reasonWithoutStore(address: string, thrown: unknown): string {
  const text = messageOf(thrown);
  return text.startsWith(opening(address)) ? text.slice(opening(address).length) : text;
}

function opening(address: string): string {
  return `cluster store ${address}: `;
}

/** Gives the key, or prefix, back. */
export function validateKey(key: string): string {
  // Only ASCII gets past the pattern, so characters are bytes.
  if (key.length <= MAX_KEY_BYTES && KEY.test(key)) return key;
  throw new EngineError("invalid-argument", `invalid key ${JSON.stringify(key.slice(0, 100))} for the cluster store`);
}

export function validateTransaction({ checks = [], puts = [], removes = [] }: ClusterTransaction): void {
  const operations = checks.length + puts.length + removes.length;
  if (operations > MAX_OPERATIONS) {
    throw new EngineError("invalid-argument", `${operations} operations in one transaction; at most ${MAX_OPERATIONS}`);
  }
  for (const { key } of checks) validateKey(key);
  if (new Set(puts.flatMap(({ session }) => session ?? [])).size > 1) {
    throw new EngineError("invalid-argument", "one transaction cannot write for several sessions");
  }
  const written = new Set<string>();
  for (const key of [...puts.map((put) => put.key), ...removes]) {
    if (written.has(validateKey(key))) {
      throw new EngineError("invalid-argument", `key ${key} is written twice in one transaction`);
    }
    written.add(key);
  }
  const bytes = puts.reduce((sum, { value }) => sum + Buffer.byteLength(value), 0);
  if (bytes > MAX_VALUE_BYTES) {
    const keys = puts.map(({ key }) => key).join(", ");
    throw new EngineError("invalid-argument", `${bytes} bytes for ${keys.slice(0, 200)}; at most ${MAX_VALUE_BYTES}`);
  }
}
