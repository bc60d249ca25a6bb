/**
 * A session as a lease of etcd. It is kept alive three times per `ttlMs`, each time by a call that ends, so that a member which
 * is gone costs one of them and not the lease. Only etcd knows when a lease is over (a new leader gives all of them their time
 * anew), so the session ends when etcd says so, whatever our clock says.
 */
import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { afterPatience } from "../../base/patience.ts";
import { CALL_TIMEOUT_MS, type ClusterSession } from "../cluster-store.ts";
import { describeFailure, isLeaseGone } from "./etcd-errors.ts";
import type { EtcdMembers } from "./etcd-members.ts";
import { etcd, type Lease } from "./etcd-protocol.ts";

const RETRY_MS = 500;

export class EtcdSession implements ClusterSession {
  readonly id: string;
  /** The lease's number as etcd's API has it: decimal; `id` is hexadecimal, as etcdctl prints it. */
  readonly lease: string;
  readonly ttlMs: number;
  readonly ended: Promise<string>;
  readonly #members: EtcdMembers;
  readonly #log: Log;
  readonly #stop = new AbortController();
  readonly #resolveEnded: (reason: string) => void;
  /** Called once, when nothing is left to keep alive. */
  readonly #onOver: (session: EtcdSession) => void;

  constructor(lease: Lease, members: EtcdMembers, log: Log, onOver: (session: EtcdSession) => void) {
    this.lease = lease.ID;
    this.id = BigInt.asUintN(64, BigInt(lease.ID)).toString(16);
    this.ttlMs = Number(lease.TTL) * 1000;
    this.#members = members;
    this.#log = log;
    this.#onOver = onOver;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    void this.#keepAlive();
  }

  async abandon(): Promise<void> {
    this.#finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#finish()) return;
    try {
      await this.#members.call(etcd.leaseRevoke, { ID: this.lease }, { repeatable: true });
    } catch (error) {
      if (!isLeaseGone(error)) {
        this.#log.warn({ session: this.id, error: messageOf(error) }, "cluster store: a session was left to run out");
      }
    }
  }

  /** False when that was done already. */
  #finish(): boolean {
    if (this.#stop.signal.aborted) return false;
    this.#stop.abort();
    this.#onOver(this);
    return true;
  }

  async #keepAlive(): Promise<void> {
    const { signal } = this.#stop;
    let pauseMs = this.ttlMs / 3;
    while (!signal.aborted) {
      // Rejects only when aborted.
      await delay(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        const over = (await this.#beat()) <= 0;
        if (over && this.#finish()) this.#resolveEnded(`session ${this.id} expired in etcd`);
        pauseMs = this.ttlMs / 3;
      } catch (error) {
        const { reason } = describeFailure(error);
        this.#log.debug({ session: this.id, error: reason }, "cluster store: a session could not be kept alive yet");
        pauseMs = Math.min(RETRY_MS, this.ttlMs / 6);
      }
    }
  }

  /** Seconds that the lease has now; 0 when there is none any more. */
  async #beat(): Promise<number> {
    const withinMs = Math.min(CALL_TIMEOUT_MS, this.ttlMs / 3);
    const member = await this.#members.connected(performance.now() + withinMs);
    const { stream } = member.stream(etcd.leaseKeepAlive);
    const { promise, resolve, reject } = Promise.withResolvers<Lease>();
    const callOff = afterPatience(withinMs, () => reject(new Error("no answer in time")));
    stream.on("data", resolve);
    stream.on("error", reject);
    stream.on("end", () => reject(new Error("no answer about the session")));
    stream.write({ ID: this.lease });
    try {
      return Number((await promise).TTL);
    } catch (error) {
      this.#members.failed(member);
      throw error;
    } finally {
      callOff();
      stream.cancel();
    }
  }
}
