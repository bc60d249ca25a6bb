/**
 * The cluster store over etcd 3.4 or newer, by its gRPC API. Reads are linearizable, a commit is one transaction, versions are
 * modification revisions, sessions are leases. Why not by the npm package etcd3: docs/decisions/0016-etcd-by-grpc.md.
 */
import type { Log } from "../../base/log.ts";
import { EngineError } from "../../base/errors.ts";
import {
  READING_TIMEOUT_MS,
  type ClusterCheck,
  type ClusterRecord,
  type ClusterSession,
  type ClusterStore,
  type ClusterTransaction,
  type Follower,
} from "../cluster-store.ts";
import { formatStoreAddress, type StoreOptions } from "../store-address.ts";
import { storeUnavailable, validateKey, validateTransaction } from "../transaction-limits.ts";
import { describeFailure, isLeaseGone, isRevisionGone } from "./etcd-errors.ts";
import { EtcdFollowing, type Snapshot } from "./etcd-following.ts";
import { EtcdKeys } from "./etcd-keys.ts";
import { PAGE } from "./etcd-member.ts";
import { EtcdMembers } from "./etcd-members.ts";
import { etcd, type Compare, type KeyValue, type RequestOp } from "./etcd-protocol.ts";
import { EtcdSession } from "./etcd-session.ts";

const READINGS = 3;

export function openEtcdStore(options: StoreOptions): ClusterStore {
  return new EtcdClusterStore(options);
}

class EtcdClusterStore implements ClusterStore {
  readonly address: string;
  readonly #members: EtcdMembers;
  readonly #keys: EtcdKeys;
  readonly #log: Log;
  readonly #sessions = new Set<EtcdSession>();
  readonly #followings = new Set<EtcdFollowing>();
  #closing: Promise<void> | undefined;

  constructor({ hosts, prefix, tls, log }: StoreOptions) {
    this.address = formatStoreAddress({ provider: "etcd", hosts, prefix });
    this.#members = new EtcdMembers(hosts, tls);
    this.#keys = new EtcdKeys(prefix);
    this.#log = log;
  }

  async get(key: string): Promise<ClusterRecord | undefined> {
    const request = { key: this.#keys.encode(validateKey(key)) };
    return this.#ask(async () => {
      const { kvs } = await this.#members.call(etcd.range, request, { repeatable: true });
      return kvs[0] && this.#keys.decodeRecord(kvs[0]);
    });
  }

  async list(prefix: string): Promise<readonly ClusterRecord[]> {
    validateKey(prefix);
    return this.#ask(async () => (await this.#readAll(prefix)).records);
  }

  async commit(transaction: ClusterTransaction): Promise<boolean> {
    validateTransaction(transaction);
    const { checks = [], puts = [], removes = [] } = transaction;
    const success: RequestOp[] = [];
    for (const { key, value, session } of puts) {
      if (session !== undefined && !(session instanceof EtcdSession)) {
        throw new EngineError("invalid-argument", "the session belongs to another store");
      }
      const put = { key: this.#keys.encode(key), value: Buffer.from(value) };
      success.push({ requestPut: session === undefined ? put : { ...put, lease: session.lease } });
    }
    for (const key of removes) success.push({ requestDeleteRange: { key: this.#keys.encode(key) } });
    const compare = checks.map((check) => this.#compare(check));
    return this.#ask(async () => {
      try {
        return (await this.#members.call(etcd.txn, { compare, success }, { repeatable: success.length === 0 }))
          .succeeded;
      } catch (error) {
        if (isLeaseGone(error)) throw new Error("the session is over", { cause: error });
        throw error;
      }
    });
  }

  async follow(prefix: string, follower: Follower): Promise<AsyncDisposable> {
    validateKey(prefix);
    return this.#ask(async () => {
      const following = await EtcdFollowing.start({
        prefix,
        follower,
        members: this.#members,
        keys: this.#keys,
        read: () => this.#readAll(prefix),
        log: this.#log,
      });
      this.#followings.add(following);
      if (this.#closing !== undefined) await following[Symbol.asyncDispose]();
      return {
        [Symbol.asyncDispose]: async (): Promise<void> => {
          this.#followings.delete(following);
          await following[Symbol.asyncDispose]();
        },
      };
    });
  }

  async openSession(ttlMs: number): Promise<ClusterSession> {
    return this.#ask(async () => {
      // One that was granted without our hearing of it runs out.
      const request = { TTL: Math.max(1, Math.ceil(ttlMs / 1000)) };
      const lease = await this.#members.call(etcd.leaseGrant, request, { repeatable: true });
      if (Number(lease.TTL) <= 0) throw new Error(`a session of ${lease.TTL} s was granted`);
      const session = new EtcdSession(lease, this.#members, this.#log, (over) => this.#sessions.delete(over));
      this.#sessions.add(session);
      return session;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#followings].map(async (following) => following[Symbol.asyncDispose]()));
    await Promise.all([...this.#sessions].map(async (session) => session[Symbol.asyncDispose]()));
    this.#members[Symbol.dispose]();
  }

  /** Everything below the prefix as of one revision, a page after the other. */
  async #readAll(prefix: string): Promise<Snapshot> {
    const endAt = performance.now() + READING_TIMEOUT_MS;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#readPages(prefix, endAt);
      } catch (error) {
        // Compacted away between two pages, or asked of a member that is not there yet: the next reading has a newer one.
        if (!isRevisionGone(error) || attempt === READINGS) throw error;
      }
    }
  }

  /** Each page has the time of a call, so that many hosts that read much from a busy etcd come to an end. */
  async #readPages(prefix: string, endAt: number): Promise<Snapshot> {
    const range = this.#keys.rangeBelow(prefix);
    const found: KeyValue[] = [];
    let revision = "0";
    for (let key = range.key; ;) {
      const request = { key, rangeEnd: range.rangeEnd, limit: PAGE, revision };
      const { header, kvs, more } = await this.#members.call(etcd.range, request, { repeatable: true });
      if (revision === "0") revision = header?.revision ?? "0";
      found.push(...kvs);
      const last = kvs.at(-1);
      if (!more || last === undefined) break;
      if (Buffer.compare(last.key, key) < 0) throw new Error("keys out of order");
      if (performance.now() > endAt) throw new Error("reading everything took too long");
      key = Buffer.concat([last.key, Buffer.of(0)]);
    }
    return { records: found.map((kv) => this.#keys.decodeRecord(kv)), revision };
  }

  /** A key that is not there has modification revision 0. */
  #compare(check: ClusterCheck): Compare {
    const key = this.#keys.encode(check.key);
    if ("version" in check) return { key, target: "MOD", result: "EQUAL", modRevision: check.version };
    return { key, target: "MOD", result: check.is === "absent" ? "EQUAL" : "GREATER", modRevision: "0" };
  }

  async #ask<T>(body: () => Promise<T>): Promise<T> {
    try {
      if (this.#closing !== undefined) throw new Error("the client is closed");
      return await body();
    } catch (error) {
      const reason = this.#closing === undefined ? describeFailure(error).reason : "the client is closed";
      throw storeUnavailable(this.address, reason, error);
    }
  }
}
