/**
 * Changes to what the cluster has in common, as this host makes them: only while it is connected and, checked by the store
 * itself, among the living. What could not be answered is looked up before it is tried again, so that nothing is done twice.
 */
import { setTimeout as pause } from "node:timers/promises";
import { EngineError } from "../base/errors.ts";
import type { ClusterRecord, ClusterStore, ClusterTransaction } from "./cluster-store.ts";
import { hostKey } from "./keys.ts";
import type { LocalCopy } from "./local-copy.ts";
import type { Membership } from "./membership.ts";

/** Attempts at one change that others keep crossing, each after a longer pause than the last, up to MAX_PAUSE_MS. */
const ATTEMPTS = 12;
const MAX_PAUSE_MS = 200;
/** Changes whose answers were lost and that had not been made, until we give up. */
const LOST_ANSWERS = 3;
/** How long a change of ours may take to come back to us. */
const SEEN_WITHIN_MS = 5_000;
const LOOK_AGAIN_MS = 100;

export type Attempt<T> = { readonly done: T } | "again";

export class ClusterWriter {
  readonly #store: ClusterStore;
  readonly #membership: Membership;
  readonly #copy: LocalCopy;
  readonly #self: string;

  constructor(parts: { store: ClusterStore; membership: Membership; copy: LocalCopy; self: string }) {
    this.#store = parts.store;
    this.#membership = parts.membership;
    this.#copy = parts.copy;
    this.#self = parts.self;
  }

  /** Throws `unavailable`. */
  assertConnected(): void {
    this.#membership.assertConnected();
  }

  async get(key: string): Promise<ClusterRecord | undefined> {
    this.assertConnected();
    return this.#store.get(key);
  }

  /** The same, and the copy knows it from then on. */
  async look(key: string): Promise<ClusterRecord | undefined> {
    return this.#copy.learn(key, () => this.get(key));
  }

  async list(prefix: string): Promise<readonly ClusterRecord[]> {
    this.assertConnected();
    return this.#store.list(prefix);
  }

  /** False: a check did not hold. Throws `unavailable` also when this host is not among the living (it then joins again). */
  async commit(transaction: ClusterTransaction): Promise<boolean> {
    this.assertConnected();
    const alive = { key: hostKey(this.#self), is: "present" } as const;
    return this.#store.commit({ ...transaction, checks: [alive, ...(transaction.checks ?? [])] });
  }

  /**
   * A change that others may cross. `attempt` looks, commits and says what came of it; after `again` it is called once more,
   * with a pause in between. It must itself find out that an earlier attempt was carried out although nobody answered.
   */
  async decide<T>(doing: string, attempt: () => Promise<Attempt<T>>): Promise<T> {
    let lostAnswers = 0;
    for (let count = 0; count < ATTEMPTS; count++) {
      try {
        const outcome = await attempt();
        if (outcome !== "again") return outcome.done;
        await this.#assertAlive(count);
      } catch (cause) {
        if (!isUnavailable(cause) || ++lostAnswers === LOST_ANSWERS) throw cause;
        this.assertConnected();
      }
      if (count > 0) await pause(Math.random() * Math.min(MAX_PAUSE_MS, 5 * 2 ** count));
    }
    throw new EngineError("unavailable", `${doing}: others change the same all the time, try again`);
  }

  /** Waits until the copy shows what was just done, so that whoever asks next sees it; a slow store makes no error of it. */
  async seen(isSeen: () => boolean): Promise<void> {
    const deadline = performance.now() + SEEN_WITHIN_MS;
    while (!isSeen() && performance.now() < deadline) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#copy.onceChanged(resolve);
      await Promise.race([promise, pause(LOOK_AGAIN_MS, undefined, { ref: false })]);
    }
  }

  /** Asked of the store itself where the copy may be late. */
  async #assertAlive(attempts: number): Promise<void> {
    if (attempts < 2 && this.#copy.host(this.#self) !== undefined) return;
    if ((await this.#store.get(hostKey(this.#self))) !== undefined) return;
    const reason = "this host's session has ended, it is joining again";
    this.#membership.doubt(reason);
    throw new EngineError("unavailable", `cluster store ${this.#store.address}: ${reason}`);
  }
}

function isUnavailable(cause: unknown): boolean {
  return cause instanceof EngineError && cause.code === "unavailable";
}
