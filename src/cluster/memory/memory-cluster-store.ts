/** One host's client of a `MemoryCluster`, with what a test can do to it alone: cut it off, end its sessions. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { EngineError } from "../../base/errors.ts";
import { silentLog, type Log } from "../../base/log.ts";
import type { ClusterRecord, ClusterSession, ClusterStore, ClusterTransaction, Follower } from "../cluster-store.ts";
import { storeUnavailable, validateKey, validateTransaction } from "../transaction-limits.ts";
import type { MemoryChange, MemoryCluster } from "./memory-cluster.ts";
import { MemoryFollowing } from "./memory-following.ts";
import { MemorySession } from "./memory-session.ts";

export class MemoryClusterStore implements ClusterStore {
  readonly address: string;
  log: Log = silentLog;
  /** As `MemoryCluster.requests`, of this client. */
  requests = 0;
  readonly #cluster: MemoryCluster;
  readonly #followings = new Set<MemoryFollowing>();
  readonly #sessions = new Set<MemorySession>();
  #cut: string | undefined;
  #losesAnswer = false;
  #closed = false;

  constructor(cluster: MemoryCluster) {
    this.#cluster = cluster;
    this.address = cluster.address;
  }

  /**
   * The client's link is gone: calls fail, followers are told, and its sessions expire `ttlMs` from now (by `setTimeout`, which
   * a test can mock) unless it is healed before.
   */
  cut(reason = "no route to host"): void {
    this.#cut = reason;
    this.noticeConnection();
    for (const session of this.#sessions) session.unheard();
  }

  heal(): void {
    this.#cut = undefined;
    this.noticeConnection();
  }

  /** The next call is carried out, and its caller told that it timed out. */
  loseNextAnswer(): void {
    this.#losesAnswer = true;
  }

  /** The store ends all sessions of this client, as when it had not heard of them in time; the client learns it when it can. */
  expireSessions(): void {
    for (const session of this.#sessions) this.#cluster.endSession(session.id);
    this.noticeConnection();
  }

  async get(key: string): Promise<ClusterRecord | undefined> {
    validateKey(key);
    return this.#call(() => this.#cluster.get(key));
  }

  async list(prefix: string): Promise<readonly ClusterRecord[]> {
    validateKey(prefix);
    return this.#call(() => this.#cluster.list(prefix));
  }

  async commit(transaction: ClusterTransaction): Promise<boolean> {
    validateTransaction(transaction);
    for (const { session } of transaction.puts ?? []) {
      if (session !== undefined && !(session instanceof MemorySession)) {
        throw new EngineError("invalid-argument", "the session belongs to another store");
      }
    }
    return this.#call(() => {
      for (const { session } of transaction.puts ?? []) {
        if (session !== undefined && !this.#cluster.hasSession(session.id)) {
          throw storeUnavailable(this.address, `session ${session.id} is over`);
        }
      }
      return this.#cluster.commit(transaction);
    });
  }

  async follow(prefix: string, follower: Follower): Promise<AsyncDisposable> {
    validateKey(prefix);
    return this.#call(async () => {
      const following = new MemoryFollowing(prefix, follower, this.log);
      this.#followings.add(following);
      await following.replace(this.#cluster.list(prefix));
      return {
        [Symbol.asyncDispose]: async (): Promise<void> => {
          this.#followings.delete(following);
          following.stop();
        },
      };
    });
  }

  async openSession(ttlMs: number): Promise<ClusterSession> {
    return this.#call(() => {
      const session = new MemorySession(this.#cluster, ttlMs, (ended) => {
        this.#sessions.delete(ended);
        return this.#away === undefined;
      });
      this.#sessions.add(session);
      return session;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    for (const session of this.#sessions) await session[Symbol.asyncDispose]();
    this.#closed = true;
    for (const following of this.#followings) following.stop();
    this.#followings.clear();
    this.#cluster.forget(this);
  }

  /** Called by the cluster, and here, whenever the store may have come into or out of reach. */
  noticeConnection(): void {
    const reason = this.#away;
    if (reason === undefined) {
      for (const session of this.#sessions) if (session.heard()) this.#sessions.delete(session);
    }
    for (const following of this.#followings) {
      if (reason !== undefined) following.lose(reason);
      else if (following.lost) {
        this.requests++;
        following.regain(this.#cluster.list(following.prefix));
      }
    }
  }

  /** Called by the cluster for each change. */
  deliver(change: MemoryChange): void {
    if (this.#away !== undefined) return;
    for (const following of this.#followings) following.change(change);
  }

  get #away(): string | undefined {
    return this.#cut ?? this.#cluster.down;
  }

  async #call<T>(body: () => T | Promise<T>): Promise<T> {
    if (this.#closed) throw storeUnavailable(this.address, "the client is closed");
    this.requests++;
    await nextTurn();
    if (this.#away !== undefined) throw storeUnavailable(this.address, this.#away);
    const answer = await body();
    await nextTurn();
    if (!this.#losesAnswer) return answer;
    this.#losesAnswer = false;
    throw storeUnavailable(this.address, "no answer in time");
  }
}
