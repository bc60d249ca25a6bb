/**
 * One watch of etcd's: what changes below a prefix from a revision on, in the order of the store, until it ends (a dead member, a
 * cut cable, a cluster without leader, a history compacted away), which it says once. While it is silent the member is asked
 * now and then whether it is alive; what it tells is as good an answer.
 */
import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../base/errors.ts";
import { afterPatience } from "../../base/patience.ts";
import { CALL_TIMEOUT_MS } from "../cluster-store.ts";
import { describeFailure } from "./etcd-errors.ts";
import type { EtcdMember, MemberStream, Probe } from "./etcd-member.ts";
import type { EtcdMembers } from "./etcd-members.ts";
import { etcd, type WatchRequest, type WatchResponse } from "./etcd-protocol.ts";

const PROBE_EVERY_MS = 6_000;

/** What came before is not to be had any more. */
export class Compacted extends Error {}

export interface WatchOf {
  readonly members: EtcdMembers;
  readonly range: { readonly key: Buffer; readonly rangeEnd: Buffer };
  /** The first revision of interest. */
  readonly startRevision: bigint;
  readonly deliver: (response: WatchResponse) => void;
}

export class EtcdWatch implements Disposable {
  readonly member: EtcdMember;
  readonly #stream: MemberStream<WatchRequest, WatchResponse>;
  readonly #probe: Probe;
  readonly #deliver: (response: WatchResponse) => void;
  readonly #created = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<never>();
  readonly #stop = new AbortController();
  #waiting: WatchResponse[] | undefined = [];
  #isHeard = true;

  private constructor(member: EtcdMember, deliver: (response: WatchResponse) => void) {
    this.member = member;
    this.#deliver = deliver;
    const { stream, probe } = member.stream(etcd.watch);
    this.#stream = stream;
    this.#probe = probe;
    // Whoever waits gets it; nobody may be waiting yet.
    this.#over.promise.catch(() => undefined);
    stream.on("error", this.#over.reject);
    stream.on("end", () => this.#over.reject(new Error("the watch was ended")));
    stream.on("data", (response: WatchResponse) => this.#hear(response));
  }

  /** Nothing is delivered before `flow`. Throws Compacted, or why there is no watch. */
  static async open({ members, range, startRevision, deliver }: WatchOf): Promise<EtcdWatch> {
    const member = await members.connected(performance.now() + CALL_TIMEOUT_MS);
    const watch = new EtcdWatch(member, deliver);
    const late = new Error(`${member.name}: no answer in time`);
    const callOff = afterPatience(CALL_TIMEOUT_MS, () => watch.#over.reject(late));
    const startAt = { startRevision: String(startRevision), progressNotify: true };
    watch.#stream.write({ createRequest: { ...range, ...startAt } });
    try {
      await Promise.race([watch.#created.promise, watch.#over.promise]);
    } catch (error) {
      watch[Symbol.dispose]();
      if (!(error instanceof Compacted)) members.failed(member);
      throw error;
    } finally {
      callOff();
    }
    void watch.#probeNowAndThen();
    return watch;
  }

  /** Delivers what came meanwhile, and from now on what comes. */
  flow(): void {
    const came = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const response of came) this.#deliver(response);
  }

  /** Resolves with why the watch is over. */
  async ended(): Promise<string> {
    return this.#over.promise.catch((error: unknown) => describeFailure(error).reason);
  }

  /** Where etcd cancelled the watch, the stream is still open. */
  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#stream.cancel();
  }

  #hear(response: WatchResponse): void {
    this.#isHeard = true;
    if (response.canceled) this.#over.reject(cancellation(response));
    else if (response.created) this.#created.resolve();
    else if (this.#waiting === undefined) this.#deliver(response);
    else this.#waiting.push(response);
  }

  async #probeNowAndThen(): Promise<void> {
    const { signal } = this.#stop;
    for (;;) {
      this.#isHeard = false;
      // Rejects only when aborted.
      await delay(PROBE_EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      if (this.#isHeard) continue;
      try {
        await this.#probe();
      } catch (error) {
        if (!this.#isHeard) return this.#over.reject(new Error(`${this.member.name}: ${messageOf(error)}`));
      }
    }
  }
}

function cancellation({ compactRevision, cancelReason }: WatchResponse): Error {
  if (compactRevision !== "0") return new Compacted(`what came before revision ${compactRevision} is compacted away`);
  return new Error(`the watch was cancelled: ${cancelReason === "" ? "no reason given" : cancelReason}`);
}
