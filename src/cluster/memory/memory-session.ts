/**
 * A session in a `MemoryCluster`: alive while its client is heard of, over `ttlMs` after it was last. As with real stores, a
 * stopped store ends no session, and a client that is cut off cannot end its own: that one runs out.
 */
import type { ClusterSession } from "../cluster-store.ts";
import type { MemoryCluster } from "./memory-cluster.ts";

export class MemorySession implements ClusterSession {
  readonly id: string;
  readonly ttlMs: number;
  readonly ended: Promise<string>;
  readonly #cluster: MemoryCluster;
  readonly #resolveEnded: (reason: string) => void;
  /** Takes the session out of its client's care; says whether the store can be reached. */
  readonly #release: (session: MemorySession) => boolean;
  #timer: NodeJS.Timeout | undefined;
  /** Disposed or abandoned. */
  #done = false;

  constructor(cluster: MemoryCluster, ttlMs: number, release: (session: MemorySession) => boolean) {
    this.id = cluster.makeSession();
    this.ttlMs = ttlMs;
    this.#cluster = cluster;
    this.#release = release;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ended = promise;
    this.#resolveEnded = resolve;
  }

  /** The store hears no more of it. */
  unheard(): void {
    this.#timer ??= setTimeout(() => this.#expire(), this.ttlMs).unref();
  }

  /** The client has spoken with the store about it again; true when it is over. */
  heard(): boolean {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const over = !this.#cluster.hasSession(this.id);
    if (over) this.#resolveEnded(`session ${this.id} expired`);
    return over;
  }

  async abandon(): Promise<void> {
    if (this.#done) return;
    this.#done = true;
    this.#release(this);
    this.unheard();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#done) return;
    this.#done = true;
    if (!this.#release(this)) return this.unheard();
    clearTimeout(this.#timer);
    this.#cluster.endSession(this.id);
  }

  #expire(): void {
    this.#timer = undefined;
    if (this.#cluster.down === undefined) this.#cluster.endSession(this.id);
    else this.unheard();
  }
}
