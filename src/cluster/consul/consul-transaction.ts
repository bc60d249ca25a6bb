/**
 * A transaction in Consul's operations (`PUT /v1/txn`). They run in order and all or none, at most 64. Pure.
 *
 * Two things in Consul are not as a cluster store promises. A key written again with equal value and flags keeps its
 * ModifyIndex: so each write has flags drawn by chance. And `set` leaves a key with the session that holds it: so where it is
 * not known that none does, the key is removed before it is set, which costs an operation more.
 */
import { randomInt } from "node:crypto";
import { EngineError } from "../../base/errors.ts";
import type { ClusterCheck, ClusterPut, ClusterTransaction } from "../cluster-store.ts";
import { parseVersion } from "./consul-answer.ts";

export const MAX_CONSUL_OPERATIONS = 64;

export interface ConsulOperation {
  readonly KV: {
    readonly Verb: "check-index" | "check-not-exists" | "get" | "set" | "cas" | "lock" | "delete";
    readonly Key: string;
    readonly Value?: string;
    readonly Flags?: number;
    readonly Index?: number;
    readonly Session?: string;
  };
}

export interface ConsulPlan {
  readonly operations: readonly ConsulOperation[];
  /** Places of the operations that rest on `known`: one refused means that it was out of date, not that a check failed. */
  readonly guesses: ReadonlySet<number>;
}

/** Versions read a moment ago, of every key that is put; undefined: the key was absent. */
export type KnownKeys = ReadonlyMap<string, string | undefined>;

/**
 * Undefined: a check names a version that no key of Consul can have, so it does not hold. With `known`, every key that the
 * transaction puts was looked up, and fewer operations do.
 */
export function planTransaction(
  { checks = [], puts = [], removes = [] }: ClusterTransaction,
  root: string,
  known?: KnownKeys,
): ConsulPlan | undefined {
  const operations: ConsulOperation[] = [];
  const guesses = new Set<number>();
  for (const check of checks) {
    const operation = planCheck(check, root);
    if (operation === undefined) return undefined;
    operations.push(operation);
  }
  for (const put of puts) {
    const before = knowledge(put, checks, known);
    if (before.by === "reading" && !before.held && put.session === undefined) {
      guesses.add(operations.length);
      operations.push({ KV: { Verb: "cas", ...written(put, root), Index: before.index } });
      continue;
    }
    // Removed and locked anew, a key leaves whatever session held it.
    if (before.by === "nothing" || before.held || put.session !== undefined) {
      operations.push({ KV: { Verb: "delete", Key: root + put.key } });
    }
    operations.push({
      KV: put.session
        ? { Verb: "lock", ...written(put, root), Session: put.session.id }
        : { Verb: "set", ...written(put, root) },
    });
  }
  for (const key of removes) operations.push({ KV: { Verb: "delete", Key: root + key } });
  return { operations, guesses };
}

/** Throws `invalid-argument` when the plan is too long even so. */
export function checkLength({ operations }: ConsulPlan): void {
  if (operations.length <= MAX_CONSUL_OPERATIONS) return;
  throw new EngineError(
    "invalid-argument",
    `${operations.length} operations in one transaction of Consul (a key put for a session takes two); at most ${MAX_CONSUL_OPERATIONS}`,
  );
}

function planCheck(check: ClusterCheck, root: string): ConsulOperation | undefined {
  const Key = root + check.key;
  if ("version" in check) {
    const version = parseVersion(check.version);
    return version && { KV: { Verb: "check-index", Key, Index: version.index } };
  }
  return { KV: { Verb: check.is === "absent" ? "check-not-exists" : "get", Key } };
}

type Knowledge =
  | { readonly by: "nothing" }
  | { readonly by: "check"; readonly held: boolean }
  | { readonly by: "reading"; readonly held: boolean; readonly index: number };

/** What is known of a key when it is put: what a check of the same transaction makes sure of, else what was read. */
function knowledge({ key }: ClusterPut, checks: readonly ClusterCheck[], known: KnownKeys | undefined): Knowledge {
  for (const check of checks) {
    if (check.key !== key) continue;
    if ("version" in check) return { by: "check", held: parseVersion(check.version)?.held ?? true };
    if (check.is === "absent") return { by: "check", held: false };
  }
  if (known === undefined) return { by: "nothing" };
  return { by: "reading", ...(parseVersion(known.get(key) ?? "") ?? { held: false, index: 0 }) };
}

function written({ key, value }: ClusterPut, root: string): { Key: string; Value: string; Flags: number } {
  return { Key: root + key, Value: Buffer.from(value).toString("base64"), Flags: randomInt(2 ** 48 - 1) };
}
