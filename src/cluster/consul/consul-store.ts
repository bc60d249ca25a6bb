/**
 * Consul as a cluster store, over its key-value API: transactions with checks on ModifyIndex, reads that the leader confirms,
 * questions held until there is something new, and sessions whose keys are deleted with them.
 */
import { EngineError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { ClusterRecord, ClusterSession, ClusterStore, ClusterTransaction, Follower } from "../cluster-store.ts";
import { FollowedCopy } from "../followed-copy.ts";
import type { StoreOptions } from "../store-address.ts";
import { validateKey, validateTransaction } from "../transaction-limits.ts";
import { checkCommitted, parseRefusals, type RefusedOperation } from "./consul-answer.ts";
import { ConsulClient, refusal } from "./consul-client.ts";
import { ConsulFollowing } from "./consul-following.ts";
import { ConsulPulse } from "./consul-pulse.ts";
import { ConsulSession } from "./consul-session.ts";
import {
  checkLength,
  MAX_CONSUL_OPERATIONS,
  planTransaction,
  type ConsulOperation,
  type ConsulPlan,
} from "./consul-transaction.ts";

/** How often keys that changed after they were looked up are looked up again. */
const MAX_GUESSES = 5;

/** Asks nothing yet: Consul need not be there. */
export function openConsulStore(options: StoreOptions): ClusterStore {
  return new ConsulStore(options);
}

class ConsulStore implements ClusterStore {
  readonly address: string;
  readonly #client: ConsulClient;
  readonly #pulse: ConsulPulse;
  readonly #log: Log;
  readonly #sessions = new Set<ConsulSession>();
  readonly #followings = new Set<ConsulFollowing>();

  constructor(options: StoreOptions) {
    this.#client = new ConsulClient(options);
    this.#pulse = new ConsulPulse(this.#client);
    this.#log = options.log;
    this.address = this.#client.address;
  }

  async get(key: string): Promise<ClusterRecord | undefined> {
    return this.#client.get(validateKey(key));
  }

  async list(prefix: string): Promise<readonly ClusterRecord[]> {
    const { records } = await this.#client.list(validateKey(prefix));
    return records;
  }

  async commit(transaction: ClusterTransaction): Promise<boolean> {
    validateTransaction(transaction);
    const { root, closed } = this.#client;
    if (closed) throw this.#client.unavailable("the client is closed");
    const plan = planTransaction(transaction, root);
    if (plan === undefined) return false;
    if (plan.operations.length <= MAX_CONSUL_OPERATIONS) return (await this.#send(plan)) === "committed";
    return this.#commitKnowing(transaction);
  }

  async follow(prefix: string, follower: Follower): Promise<AsyncDisposable> {
    const copy = new FollowedCopy(follower, this.#log);
    const following = new ConsulFollowing(this.#client, validateKey(prefix), copy);
    await following.start(this.#pulse);
    this.#followings.add(following);
    return {
      [Symbol.asyncDispose]: async (): Promise<void> => {
        this.#followings.delete(following);
        await following[Symbol.asyncDispose]();
      },
    };
  }

  async openSession(ttlMs: number): Promise<ClusterSession> {
    const session = await ConsulSession.open(ttlMs, {
      client: this.#client,
      log: this.#log,
      release: (ended) => this.#sessions.delete(ended),
    });
    this.#sessions.add(session);
    return session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#client.closed) return;
    await Promise.all([...this.#followings, ...this.#sessions].map(async (part) => part[Symbol.asyncDispose]()));
    this.#followings.clear();
    this.#client[Symbol.dispose]();
  }

  /** Where removing before setting would be too many operations: the keys are looked up first, and what was seen is checked. */
  async #commitKnowing(transaction: ClusterTransaction): Promise<boolean> {
    for (let guess = 0; guess < MAX_GUESSES; guess++) {
      const keys = (transaction.puts ?? []).map(({ key }) => key);
      const found = await Promise.all(keys.map(async (key) => this.#client.get(key)));
      const known = new Map(keys.map((key, index) => [key, found[index]?.version]));
      const plan = planTransaction(transaction, this.#client.root, known);
      if (plan === undefined) return false;
      checkLength(plan);
      const outcome = await this.#send(plan);
      if (outcome !== "guessed wrong") return outcome === "committed";
    }
    throw this.#client.unavailable(`keys of a transaction changed ${MAX_GUESSES} times while it was made`);
  }

  async #send({ operations, guesses }: ConsulPlan): Promise<"committed" | "refused" | "guessed wrong"> {
    if (operations.length === 0) return "committed";
    const answer = await this.#client.call({ method: "PUT", path: "/txn", body: operations, repeatable: false });
    if (answer.status === 413) throw new EngineError("invalid-argument", `a transaction too large: ${refusal(answer)}`);
    if (answer.status === 200) {
      this.#client.understand(() => checkCommitted(answer.text));
      return "committed";
    }
    if (answer.status !== 409) throw this.#client.unavailable(refusal(answer));
    const refusals = this.#client.understand(() => parseRefusals(answer.text));
    if (refusals.some((one) => isCheck(operations[one.index]))) return "refused";
    if (refusals.every(({ index }) => guesses.has(index))) return "guessed wrong";
    throw this.#client.unavailable(reasonOf(refusals, operations));
  }
}

function isCheck(operation: ConsulOperation | undefined): boolean {
  return ["check-index", "check-not-exists", "get"].includes(operation?.KV.Verb ?? "");
}

/** A write by itself is refused only where its session is over. */
function reasonOf(refusals: readonly RefusedOperation[], operations: readonly ConsulOperation[]): string {
  const session = refusals.map(({ index }) => operations[index]?.KV.Session).find((id) => id !== undefined);
  const reasons = refusals.map(({ reason }) => reason).join("; ");
  return session === undefined ? reasons : `session ${session} is over: ${reasons}`;
}
