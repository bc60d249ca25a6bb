/**
 * The members of an etcd cluster as one party to talk to: calls go to one of them until it fails, then to the next. A call ends
 * in `CALL_TIMEOUT_MS`; within that it is repeated as long as nothing can have been done twice.
 */
import type { MethodDefinition } from "@grpc/grpc-js";
import { setTimeout as delay } from "node:timers/promises";
import { CALL_TIMEOUT_MS } from "../cluster-store.ts";
import type { StoreHost, StoreTls } from "../store-address.ts";
import { describeFailure } from "./etcd-errors.ts";
import { EtcdMember, OUT_OF_TIME } from "./etcd-member.ts";

/** When there are others to ask, so long is waited for a member to connect, or to answer what may be asked again. */
const PATIENCE_MS = 1_500;
/** Left of a call's time after a process was held up: enough to hear an answer that is there already. */
const LEAST_MS = 250;
/** Between rounds over all members. */
const PAUSE_MS = 100;

export interface CallOptions {
  /** Done twice is as good as done once. */
  readonly repeatable: boolean;
}

export class EtcdMembers implements Disposable {
  readonly #members: readonly EtcdMember[];
  #current = 0;
  #closed = false;

  constructor(hosts: readonly StoreHost[], tls: StoreTls | undefined) {
    this.#members = hosts.map((host) => new EtcdMember(host, tls));
    // Hosts of one cluster shall not all lean on its first member.
    this.#current = Math.floor(Math.random() * hosts.length);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Throws what the last member that was asked had to say: gRPC's errors, or `Error`. */
  async call<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    options: CallOptions,
  ): Promise<Response> {
    const deadlineAt = performance.now() + CALL_TIMEOUT_MS;
    for (let attempt = 1; ; attempt++) {
      const member = await this.connected(deadlineAt);
      const remainingMs = Math.max(LEAST_MS, deadlineAt - performance.now());
      const patient = this.#members.length === 1 || !options.repeatable;
      try {
        return await member.call(method, request, patient ? remainingMs : Math.min(remainingMs, PATIENCE_MS));
      } catch (error) {
        const { untouched, final } = describeFailure(error);
        if (final || this.#closed) throw error;
        this.failed(member);
        if (!untouched && !options.repeatable) throw error;
        if (performance.now() + PAUSE_MS > deadlineAt) throw error;
        if (attempt % this.#members.length === 0) await delay(PAUSE_MS);
      }
    }
  }

  /** A member with a connection. Throws `Error` when none can be had by then. */
  async connected(deadlineAt: number): Promise<EtcdMember> {
    let why: string | undefined;
    for (let attempt = 1; ; attempt++) {
      if (this.#closed) throw new Error("the client is closed");
      const member = this.#member();
      const remainingMs = Math.max(LEAST_MS, deadlineAt - performance.now());
      const withinMs = this.#members.length === 1 ? remainingMs : Math.min(remainingMs, PATIENCE_MS);
      const failure = await member.connect(withinMs);
      if (failure === undefined) return member;
      this.failed(member);
      // That time ran out in the last attempt says less than what went wrong in one before.
      if (why === undefined || !failure.endsWith(OUT_OF_TIME)) why = failure;
      if (performance.now() + PAUSE_MS > deadlineAt) throw new Error(why);
      if (attempt % this.#members.length === 0) await delay(PAUSE_MS);
    }
  }

  /** The member did not do as asked: the next one shall, and it is connected to anew when its turn comes again. */
  failed(member: EtcdMember): void {
    if (member !== this.#member()) return;
    member.giveUpConnection();
    this.#current = (this.#current + 1) % this.#members.length;
  }

  /** Ends all calls. */
  [Symbol.dispose](): void {
    this.#closed = true;
    for (const member of this.#members) member[Symbol.dispose]();
  }

  #member(): EtcdMember {
    const member = this.#members[this.#current];
    if (member === undefined) throw new Error("no member of the etcd cluster is named");
    return member;
  }
}
