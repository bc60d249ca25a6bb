/**
 * Keeps this host among the living, and its copy in step, for as long as the cluster is open: follows the store, opens a
 * session, joins, and begins anew whenever that ends. Away means that changes are refused; nothing else stops.
 */
import { setTimeout as pause } from "node:timers/promises";
import { EngineError, messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { ClusterSession, ClusterStore, Follower } from "./cluster-store.ts";
import type { ClusterStatus } from "./cluster.ts";
import { joinCluster } from "./joining.ts";
import { ROOT } from "./keys.ts";
import type { ClusterClock, ClusterOptions } from "./options.ts";
import type { HostRecord } from "./records.ts";
import { reasonWithoutStore, storeUnavailable } from "./transaction-limits.ts";

/** Pause between attempts; a store that hangs adds its own time-out to it. */
const RETRY_MS = 1_000;
/** How long whoever starts waits for a store that is there, and slow. */
const START_MS = 15_000;
/** Others changed the same keys each time: that is no accident. */
const JOIN_ATTEMPTS = 5;

export interface MembershipParts {
  readonly store: ClusterStore;
  readonly self: HostRecord;
  readonly former: readonly string[];
  readonly options: ClusterOptions;
  readonly clock: ClusterClock;
  readonly log: Log;
  /** `back`: the store was away, and what was missed is told or about to be. */
  readonly follower: Pick<Follower, "replace" | "change"> & { readonly back: () => void };
  /** The state changed; once per change. */
  readonly onStatus: () => void;
  /** We are in, and the copy is fresh. */
  readonly onJoined: () => void;
}

export class Membership {
  readonly #parts: MembershipParts;
  readonly #closing = new AbortController();
  #following: AsyncDisposable | undefined;
  #session: ClusterSession | undefined;
  #joined = false;
  #lost: string | undefined;
  #away: { readonly reason: string; readonly sinceMs: number } | undefined;
  #rejoin = Promise.withResolvers<string>();
  #running: Promise<void> | undefined;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
  }

  status(): ClusterStatus {
    return this.#away === undefined ? { state: "connected" } : { state: "away", ...this.#away };
  }

  /** Throws `unavailable` when changes are refused. */
  assertConnected(): void {
    if (this.#away !== undefined) throw unavailable(this.#parts.store, this.#away.reason);
  }

  /**
   * Tries once, then keeps trying in the background; an attempt that takes long goes on there. Throws what no trying mends:
   * `conflict`.
   */
  async start(): Promise<void> {
    const entering = this.#enter();
    const late = new AbortController();
    const tooLate = pause(START_MS, "late", { signal: late.signal, ref: false });
    try {
      if ((await Promise.race([entering, tooLate])) === "late")
        this.#setAway("the store is slow, it is still being read");
    } catch (cause) {
      if (cause instanceof EngineError && cause.code === "conflict") throw cause;
      this.#setAway(messageOf(cause));
    } finally {
      late.abort();
      tooLate.catch(() => undefined);
    }
    this.#running = this.#run(entering);
  }

  /** Our keys are not as they were: somebody took them, or removed them. */
  doubt(reason: string): void {
    this.#rejoin.resolve(reason);
  }

  /** Leaves the cluster; with `stay` its keys are left to a successor. */
  async close(stay: boolean): Promise<void> {
    this.#closing.abort();
    this.#rejoin.resolve("closing");
    await this.#running;
    const session = this.#session;
    this.#session = undefined;
    // A store that is away is not waited for to hear of it: the session runs out.
    if (stay || this.#away !== undefined) await session?.abandon();
    else await session?.[Symbol.asyncDispose]();
    await this.#following?.[Symbol.asyncDispose]();
  }

  async #run(entering: Promise<void>): Promise<void> {
    await this.#logged(entering);
    while (!this.#closing.signal.aborted) {
      const session = this.#session;
      if (this.#joined && session !== undefined) {
        const over = session.ended.then((reason) => ({ reason, hasSession: false }));
        const doubted = this.#rejoin.promise.then((reason) => ({ reason, hasSession: true }));
        const { reason, hasSession } = await Promise.race([over, doubted]);
        if (this.#closing.signal.aborted) return;
        this.#joined = false;
        if (!hasSession) await this.#dropSession();
        this.#parts.log.warn({ reason }, "this host is out of the cluster, and joins again");
      } else {
        await pause(RETRY_MS, undefined, { signal: this.#closing.signal, ref: false }).catch(() => undefined);
      }
      if (!this.#closing.signal.aborted) await this.#logged(this.#enter());
    }
  }

  /** An attempt to enter, not waited for when we close. */
  async #logged(entering: Promise<void>): Promise<void> {
    const { signal } = this.#closing;
    const closing = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => closing.resolve(), { once: true });
    if (signal.aborted) closing.resolve();
    try {
      await Promise.race([entering, closing.promise]);
    } catch (cause) {
      const reason = messageOf(cause);
      if (reason !== this.#away?.reason) this.#parts.log.error({ err: cause }, `cannot join the cluster: ${reason}`);
      this.#setAway(reason);
    }
  }

  async #enter(): Promise<void> {
    const { store, options, self, former } = this.#parts;
    this.#following ??= await this.#unlessClosing(store.follow(ROOT, this.#follower()));
    this.#rejoin = Promise.withResolvers<string>();
    try {
      const session = (this.#session ??= await this.#unlessClosing(store.openSession(options.ttlMs)));
      for (let attempt = 1; !(await joinCluster({ store, session, self, former, options })); attempt++) {
        if (attempt === JOIN_ATTEMPTS) throw unavailable(store, "this host's keys change all the time");
      }
    } catch (cause) {
      await this.#dropSession();
      throw cause;
    }
    if (this.#closing.signal.aborted) return;
    this.#joined = true;
    this.#parts.onJoined();
    this.#settle();
  }

  /** What comes when nobody wants it any more is let go. */
  async #unlessClosing<T extends AsyncDisposable>(opening: Promise<T>): Promise<T> {
    const opened = await opening;
    if (!this.#closing.signal.aborted) return opened;
    await opened[Symbol.asyncDispose]();
    throw unavailable(this.#parts.store, "the cluster is closed");
  }

  /** A session that is not known to be whole is given up. */
  async #dropSession(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.[Symbol.asyncDispose]();
  }

  #follower(): Follower {
    const { follower } = this.#parts;
    return {
      replace: (records) => follower.replace(records),
      change: (puts, removes) => follower.change(puts, removes),
      connection: (state, reason) => {
        this.#lost = state === "lost" ? (reason ?? "no connection") : undefined;
        if (state === "back") follower.back();
        this.#settle();
      },
    };
  }

  #settle(): void {
    if (this.#lost !== undefined) this.#setAway(this.#lost);
    else if (this.#joined) this.#setConnected();
  }

  #setAway(reason: string): void {
    if (this.#away?.reason === reason) return;
    const isNew = this.#away === undefined;
    this.#away = { reason, sinceMs: this.#away?.sinceMs ?? this.#parts.clock.now() };
    if (isNew)
      this.#parts.log.warn({ reason }, "the cluster store is away: networks that span hosts cannot be changed");
    this.#parts.onStatus();
  }

  #setConnected(): void {
    if (this.#away === undefined) return;
    this.#away = undefined;
    this.#parts.log.info({ store: this.#parts.store.address }, "the cluster store is there");
    this.#parts.onStatus();
  }
}

/** The store's own errors name it already. */
function unavailable({ address }: ClusterStore, reason: string): EngineError {
  return storeUnavailable(address, reasonWithoutStore(address, reason));
}
