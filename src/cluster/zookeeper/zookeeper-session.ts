/**
 * A session of ZooKeeper: a connection of its own, whose session the next connection takes up when it dies. Its keys are
 * ephemeral nodes, made over that connection; the server removes them with the session.
 */
import { setTimeout as pause } from "node:timers/promises";
import { CALL_TIMEOUT_MS, type ClusterSession } from "../cluster-store.ts";
import type { StoreOptions } from "../store-address.ts";
import { ZookeeperError, type ZookeeperConnection } from "./zookeeper-connection.ts";
import { connectAny } from "./zookeeper-link.ts";

const RETRY_MS = 200;

export class ZookeeperSession implements ClusterSession {
  readonly id: string;
  readonly ttlMs: number;
  readonly ended: Promise<string>;
  readonly #options: StoreOptions;
  readonly #release: (session: ZookeeperSession) => void;
  readonly #stop = new AbortController();
  #connection: ZookeeperConnection;
  #over: string | undefined;

  private constructor(
    connection: ZookeeperConnection,
    options: StoreOptions,
    release: (session: ZookeeperSession) => void,
  ) {
    this.#connection = connection;
    this.#options = options;
    this.#release = release;
    this.id = `0x${BigInt.asUintN(64, connection.sessionId).toString(16)}`;
    this.ttlMs = connection.sessionTimeoutMs;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ended = promise;
    const end = (reason: string): void => {
      this.#over = reason;
      release(this);
      resolve(reason);
    };
    // It fails by being disposed or abandoned.
    this.#stayConnected().then(end, () => undefined);
  }

  /** `release` is told once it is over, disposed or abandoned. */
  static async open(
    ttlMs: number,
    options: StoreOptions,
    { deadline, signal }: { readonly deadline: number; readonly signal: AbortSignal },
    release: (session: ZookeeperSession) => void,
  ): Promise<ZookeeperSession> {
    const connection = await connectAny(options, { sessionTimeoutMs: ttlMs }, deadline, signal);
    return new ZookeeperSession(connection, options, release);
  }

  get zookeeperId(): bigint {
    return this.#connection.sessionId;
  }

  /** The one that it has, once it has one again. Throws Error when the session is over. */
  async connection(deadline: number): Promise<ZookeeperConnection> {
    for (;;) {
      if (this.#over !== undefined) throw new Error(this.#over);
      if (this.#stop.signal.aborted) throw new Error(`session ${this.id} is over: it was closed`);
      if (this.#connection.alive) return this.#connection;
      if (performance.now() >= deadline) throw new Error(`session ${this.id} has no connection`);
      await pause(RETRY_MS / 10);
    }
  }

  async abandon(): Promise<void> {
    this.#stop.abort();
    this.#connection.destroy("the session was abandoned");
    this.#release(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    await this.#connection.close(CALL_TIMEOUT_MS);
    this.#release(this);
  }

  /** Gives why the session is over. */
  async #stayConnected(): Promise<string> {
    const { signal } = this.#stop;
    for (;;) {
      await this.#connection.closed;
      signal.throwIfAborted();
      const { sessionId: id, password } = this.#connection;
      const attempt = { sessionTimeoutMs: this.ttlMs, resume: { id, password } };
      try {
        this.#connection = await connectAny(this.#options, attempt, performance.now() + CALL_TIMEOUT_MS, signal);
        if (signal.aborted) this.#connection.destroy("the session was closed");
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof ZookeeperError) return `session ${this.id} is over: ZooKeeper knows it no more`;
        await pause(RETRY_MS, undefined, { signal, ref: false });
      }
    }
  }
}
