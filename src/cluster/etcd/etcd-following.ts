/**
 * One follower of an etcd store: read everything at one revision, and watch from the next. When the watch ends, for whatever
 * reason, another takes up where it stopped, so that an interruption costs what changed meanwhile and no more. Only where etcd
 * has that history no more (compacted away, or another store altogether) everything is read again, with pauses that keep the
 * hosts of a cluster from doing so all at once.
 */
import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { afterPatience } from "../../base/patience.ts";
import type { ClusterRecord, Follower } from "../cluster-store.ts";
import { drawPause, type RetryPauses } from "../retry-pause.ts";
import { isRevisionGone } from "./etcd-errors.ts";
import type { EtcdKeys } from "./etcd-keys.ts";
import type { EtcdMembers } from "./etcd-members.ts";
import { EtcdPosition } from "./etcd-position.ts";
import { etcd, type WatchResponse } from "./etcd-protocol.ts";
import { Compacted, EtcdWatch } from "./etcd-watch.ts";

/** Everything below a prefix as of one revision. */
export interface Snapshot {
  readonly records: readonly ClusterRecord[];
  readonly revision: string;
}

export interface FollowingOf {
  readonly prefix: string;
  readonly follower: Follower;
  readonly members: EtcdMembers;
  readonly keys: EtcdKeys;
  readonly read: () => Promise<Snapshot>;
  readonly log: Log;
}

/** Taking up a watch is no work for etcd. */
const BEFORE_WATCH: RetryPauses = { firstMs: 300, mostMs: 3_000 };
const BEFORE_READING: RetryPauses = { firstMs: 1_000, mostMs: 20_000 };
/**
 * How long what was missed may take to arrive. That the last of it has arrived is seen by its revision, unless the store's last
 * revision is of something else.
 */
const CATCH_UP_MS = 1_000;

export class EtcdFollowing implements AsyncDisposable {
  readonly #of: FollowingOf;
  readonly #stop = new AbortController();
  #watch: EtcdWatch | undefined;
  #position: EtcdPosition | undefined;
  #awaited: { readonly revision: bigint; readonly arrived: () => void } | undefined;

  private constructor(of: FollowingOf) {
    this.#of = of;
  }

  /** Throws when the first copy cannot be had. */
  static async start(of: FollowingOf): Promise<EtcdFollowing> {
    const following = new EtcdFollowing(of);
    const { records, watch } = await following.#begin();
    following.#tell(() => of.follower.replace(records));
    void following.#follow(watch);
    return following;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#watch?.[Symbol.dispose]();
  }

  async #follow(first: EtcdWatch): Promise<void> {
    const { follower, members } = this.#of;
    first.flow();
    for (let watch: EtcdWatch | undefined = first; watch !== undefined; watch = await this.#again()) {
      const reason = await watch.ended();
      watch[Symbol.dispose]();
      if (this.#stop.signal.aborted) return;
      members.failed(watch.member);
      this.#tell(() => follower.connection("lost", reason));
    }
  }

  /** A watch that flows, the follower being told of what it missed; undefined once the following is disposed. */
  async #again(): Promise<EtcdWatch | undefined> {
    const { prefix, log } = this.#of;
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; failures++) {
      const position = this.#position;
      const pauseMs = drawPause(position === undefined ? BEFORE_READING : BEFORE_WATCH, failures);
      // Rejects only when aborted.
      await delay(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) break;
      try {
        if (position === undefined) return await this.#readAgain();
        const watch = await this.#resume(position);
        if (watch !== undefined) return watch;
        log.debug({ prefix }, "cluster store: what was missed is not to be had, everything is read again");
        this.#position = undefined;
        failures = -1;
      } catch (error) {
        log.debug({ prefix, error: messageOf(error) }, "cluster store: not back yet");
      }
    }
    return undefined;
  }

  async #readAgain(): Promise<EtcdWatch> {
    const { follower } = this.#of;
    const { records, watch } = await this.#begin();
    this.#tell(() => follower.connection("back"));
    this.#tell(() => follower.replace(records));
    watch.flow();
    return watch;
  }

  /** Everything there is, and a watch of what comes after it. */
  async #begin(): Promise<{ records: readonly ClusterRecord[]; watch: EtcdWatch }> {
    const { records, revision } = await this.#of.read();
    const position = new EtcdPosition(revision, records);
    const watch = await this.#openWatch(position);
    this.#position = position;
    return { records, watch };
  }

  /** Undefined where the store has no such history. */
  async #resume(position: EtcdPosition): Promise<EtcdWatch | undefined> {
    const revision = await this.#provedAt(position);
    if (revision === undefined) return undefined;
    try {
      const watch = await this.#openWatch(position);
      watch.flow();
      await Promise.race([this.#arrived(position, revision), watch.ended()]);
      this.#tell(() => this.#of.follower.connection("back"));
      return watch;
    } catch (error) {
      if (error instanceof Compacted) return undefined;
      throw error;
    }
  }

  /** The store's revision now, if its history is the one that we know. */
  async #provedAt({ proof, seen }: EtcdPosition): Promise<bigint | undefined> {
    if (proof === undefined) return undefined;
    const { members, keys } = this.#of;
    const request = { key: keys.encode(proof.key), revision: String(proof.at) };
    try {
      const { header, kvs } = await members.call(etcd.range, request, { repeatable: true });
      const revision = BigInt(header?.revision ?? "0");
      return kvs[0]?.modRevision === proof.version && revision >= seen ? revision : undefined;
    } catch (error) {
      if (isRevisionGone(error)) return undefined;
      throw error;
    }
  }

  async #arrived(position: EtcdPosition, revision: bigint): Promise<void> {
    if (position.seen >= revision) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#awaited = { revision, arrived: resolve };
    const callOff = afterPatience(CATCH_UP_MS, resolve);
    await promise;
    callOff();
    this.#awaited = undefined;
  }

  async #openWatch(position: EtcdPosition): Promise<EtcdWatch> {
    const { members, keys, prefix } = this.#of;
    const watch = await EtcdWatch.open({
      members,
      range: keys.rangeBelow(prefix),
      startRevision: position.seen + 1n,
      deliver: (response) => this.#deliver(response, position),
    });
    this.#watch = watch;
    if (this.#stop.signal.aborted) watch[Symbol.dispose]();
    return watch;
  }

  /** A key that changed several times in one answer is told of with its last state. */
  #deliver({ header, events }: WatchResponse, position: EtcdPosition): void {
    const { keys, follower } = this.#of;
    const last = new Map<string, ClusterRecord | undefined>();
    let revision = position.seen;
    for (const { type, kv } of events) {
      if (kv === null) continue;
      const record = keys.decodeRecord(kv);
      last.delete(record.key);
      last.set(record.key, type === "PUT" ? record : undefined);
      revision = BigInt(kv.modRevision);
    }
    // Without events it says how far there were none; with events there may be more of the revision that it names.
    if (events.length === 0 && header !== null) revision = BigInt(header.revision);
    const puts = [...last.values()].filter((record) => record !== undefined);
    const removes = [...last].filter(([, record]) => record === undefined).map(([key]) => key);
    if (revision > position.seen) position.move(revision, puts, removes);
    if (last.size > 0) this.#tell(() => follower.change(puts, removes));
    if (this.#awaited !== undefined && revision >= this.#awaited.revision) this.#awaited.arrived();
  }

  #tell(say: () => void): void {
    if (this.#stop.signal.aborted) return;
    try {
      say();
    } catch (error) {
      const { log, prefix } = this.#of;
      log.error({ prefix, error: messageOf(error) }, "a follower of the cluster store failed");
    }
  }
}
