/**
 * One follower of an etcd store: read everything at one revision, watch from the next, and begin again when the watch ends,
 * for whatever reason (a dead member, a cut cable, a cluster without leader, a history compacted away).
 */
import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { CALL_TIMEOUT_MS, type ClusterRecord, type Follower } from "../cluster-store.ts";
import { describeFailure } from "./etcd-errors.ts";
import type { EtcdKeys } from "./etcd-keys.ts";
import type { EtcdMember, MemberStream } from "./etcd-member.ts";
import type { EtcdMembers } from "./etcd-members.ts";
import { etcd, type WatchRequest, type WatchResponse } from "./etcd-protocol.ts";

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
  readonly read: (deadlineAt: number) => Promise<Snapshot>;
  readonly log: Log;
}

/** Between attempts; drawn anew each time, so that hosts do not all read everything at once when etcd is back. */
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 600;

interface OpenWatch {
  readonly member: EtcdMember;
  readonly stream: MemberStream<WatchRequest, WatchResponse>;
  /** Rejects with why the watch is over. */
  readonly over: Promise<never>;
  /** Delivers what came meanwhile, and from now on what comes. */
  readonly flow: () => void;
}

export class EtcdFollowing implements AsyncDisposable {
  readonly #of: FollowingOf;
  readonly #stop = new AbortController();
  #stream: MemberStream<WatchRequest, WatchResponse> | undefined;

  private constructor(of: FollowingOf) {
    this.#of = of;
  }

  /** Throws when the first copy cannot be had. */
  static async start(of: FollowingOf): Promise<EtcdFollowing> {
    const following = new EtcdFollowing(of);
    const { snapshot, watch } = await following.#begin();
    following.#tell(() => of.follower.replace(snapshot.records));
    void following.#follow(watch);
    return following;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#stream?.cancel();
  }

  async #follow(first: OpenWatch): Promise<void> {
    const { follower } = this.#of;
    for (let watch = first; ;) {
      watch.flow();
      const reason = await watch.over.catch((error: unknown) => describeFailure(error).reason);
      // Where etcd cancelled the watch, the stream is still open.
      watch.stream.cancel();
      if (this.#stop.signal.aborted) return;
      this.#of.members.failed(watch.member);
      this.#tell(() => follower.connection("lost", reason));
      const again = await this.#beginAgain();
      if (again === undefined) return;
      this.#tell(() => follower.connection("back"));
      this.#tell(() => follower.replace(again.snapshot.records));
      watch = again.watch;
    }
  }

  /** Until it succeeds, or the following is disposed. */
  async #beginAgain(): Promise<{ snapshot: Snapshot; watch: OpenWatch } | undefined> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const pauseMs = RETRY_MIN_MS + Math.random() * (RETRY_MAX_MS - RETRY_MIN_MS);
      await delay(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
      try {
        return await this.#begin();
      } catch (error) {
        this.#of.log.debug({ prefix: this.#of.prefix, error: messageOf(error) }, "cluster store: not back yet");
      }
    }
    return undefined;
  }

  /** Everything there is, and a watch of what comes after it. */
  async #begin(): Promise<{ snapshot: Snapshot; watch: OpenWatch }> {
    const deadlineAt = performance.now() + CALL_TIMEOUT_MS;
    const snapshot = await this.#of.read(deadlineAt);
    const watch = await this.#watch(String(BigInt(snapshot.revision) + 1n), deadlineAt);
    return { snapshot, watch };
  }

  async #watch(startRevision: string, deadlineAt: number): Promise<OpenWatch> {
    const { members, keys, prefix } = this.#of;
    const member = await members.connected(deadlineAt);
    const stream = member.stream(etcd.watch);
    this.#stream = stream;
    const created = Promise.withResolvers<void>();
    const over = Promise.withResolvers<never>();
    // Whoever waits gets it; nobody may be waiting yet.
    over.promise.catch(() => undefined);
    let waiting: WatchResponse[] | undefined = [];
    stream.on("error", over.reject);
    stream.on("end", () => over.reject(new Error("the watch was ended")));
    stream.on("data", (response: WatchResponse) => {
      if (response.canceled) over.reject(new Error(`the watch was cancelled: ${cancelReason(response)}`));
      else if (response.created) created.resolve();
      else if (waiting === undefined) this.#deliver(response);
      else waiting.push(response);
    });
    stream.write({ createRequest: { ...keys.rangeBelow(prefix), startRevision } });
    if (this.#stop.signal.aborted) stream.cancel();
    const late = setTimeout(
      over.reject,
      deadlineAt - performance.now(),
      new Error(`${member.name}: no answer in time`),
    );
    try {
      await Promise.race([created.promise, over.promise]);
    } catch (error) {
      stream.cancel();
      members.failed(member);
      throw error;
    } finally {
      clearTimeout(late);
    }
    const flow = (): void => {
      const came = waiting ?? [];
      waiting = undefined;
      for (const response of came) this.#deliver(response);
    };
    return { member, stream, over: over.promise, flow };
  }

  /** A key that changed several times in one answer is told of with its last state. */
  #deliver({ events }: WatchResponse): void {
    const { keys, follower } = this.#of;
    const last = new Map<string, ClusterRecord | undefined>();
    for (const { type, kv } of events) {
      if (kv === null) continue;
      const record = keys.decodeRecord(kv);
      last.delete(record.key);
      last.set(record.key, type === "PUT" ? record : undefined);
    }
    if (last.size === 0) return;
    const puts = [...last.values()].filter((record) => record !== undefined);
    const removes = [...last].filter(([, record]) => record === undefined).map(([key]) => key);
    this.#tell(() => follower.change(puts, removes));
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

function cancelReason({ compactRevision, cancelReason }: WatchResponse): string {
  if (compactRevision !== "0") return `what came before revision ${compactRevision} is compacted away`;
  return cancelReason === "" ? "no reason given" : cancelReason;
}
