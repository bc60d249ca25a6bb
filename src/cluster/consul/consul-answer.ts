/** What Consul answers, checked: records, refused transactions, sessions. Whatever else it says throws Error. */
import { messageOf } from "../../base/errors.ts";
import type { ClusterRecord } from "../cluster-store.ts";

/**
 * The version of a record: Consul's ModifyIndex, and whether a session holds it, so that who writes knows what there was.
 * ModifyIndex alone differs for every write, since no two writes of ours have equal flags (`consul-transaction.ts`).
 */
export function parseVersion(version: string): { readonly index: number; readonly held: boolean } | undefined {
  const match = /^([1-9]\d{0,15})(s?)$/.exec(version);
  return match === null ? undefined : { index: Number(match[1]), held: match[2] === "s" };
}

/** The records of `GET /kv`, without the store's prefix; those that are not below `root` are none of ours. */
export function parseRecords(text: string, root: string): readonly ClusterRecord[] {
  return array(parseJson(text), "a list of keys").map((entry) => {
    const { Key: key, Value: value, ModifyIndex: index, Session: session } = object(entry, "a key");
    if (typeof key !== "string" || !key.startsWith(root) || !Number.isSafeInteger(index))
      throw unexpected("a key", entry);
    if (value !== null && typeof value !== "string") throw unexpected("a value", entry);
    const held = typeof session === "string" && session !== "";
    return {
      key: key.slice(root.length),
      value: Buffer.from(value ?? "", "base64").toString("utf8"),
      version: `${Number(index)}${held ? "s" : ""}`,
    };
  });
}

export interface RefusedOperation {
  /** Its place in the transaction. */
  readonly index: number;
  readonly reason: string;
}

/** Of a transaction answered with 409. */
export function parseRefusals(text: string): readonly RefusedOperation[] {
  const refusals = array(object(parseJson(text), "an answer")["Errors"], "a list of errors");
  if (refusals.length === 0) throw unexpected("a refusal", text);
  return refusals.map((entry) => {
    const { OpIndex: index, What: reason } = object(entry, "a refusal");
    if (!Number.isSafeInteger(index) || typeof reason !== "string") throw unexpected("a refusal", entry);
    return { index: Number(index), reason };
  });
}

/** Of a transaction answered with 200: only that it is one. */
export function checkCommitted(text: string): void {
  const { Results: results } = object(parseJson(text), "an answer");
  if (!Array.isArray(results)) throw unexpected("a transaction's results", text);
}

export function parseSessionId(text: string): string {
  const { ID: id } = object(parseJson(text), "a session");
  if (typeof id !== "string" || !/^[0-9a-f-]{36}$/i.test(id)) throw unexpected("a session", text);
  return id;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`an answer that is no JSON (${messageOf(error)})`, { cause: error });
  }
}

function object(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unexpected(what, value);
  return Object.fromEntries(Object.entries(value));
}

function array(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw unexpected(what, value);
  return value;
}

function unexpected(what: string, value: unknown): Error {
  return new Error(
    `an answer that is not Consul's: ${what} was expected, not ${(JSON.stringify(value) ?? "nothing").slice(0, 100)}`,
  );
}
