/**
 * The connection that a store has at the moment: opened when somebody needs it, to any of the servers, again after it died.
 * Only the sessions of `zookeeper-session.ts` outlive a connection; this one's holds nothing, and the next has a new one.
 */
import { setTimeout as pause } from "node:timers/promises";
import { messageOf } from "../../base/errors.ts";
import { formatStoreHost, type StoreOptions } from "../store-address.ts";
import { ServerClosed, ZookeeperConnection, ZookeeperError, type ConnectOptions } from "./zookeeper-connection.ts";

/** Its third is how often the server is asked for a sign of life, two thirds how long it may be silent. */
const SESSION_TIMEOUT_MS = 6_000;
const RETRY_MS = 100;
/** Of what is left of the time, for one server, so that a silent one does not take it all. */
const LEAST_ATTEMPT_MS = 500;
const CLOSE_MS = 1_000;

export type Attempt = Pick<ConnectOptions, "sessionTimeoutMs" | "resume" | "onEvent">;

/** Tries the servers in turn until one answers or the deadline has come. Throws the reasons, or ZookeeperError. */
export async function connectAny(
  { hosts, tls }: StoreOptions,
  attempt: Attempt,
  deadline: number,
  signal: AbortSignal,
): Promise<ZookeeperConnection> {
  const first = Math.floor(Math.random() * hosts.length);
  for (;;) {
    const reasons: string[] = [];
    let electing = false;
    for (let tried = 0; tried < hosts.length; tried++) {
      const host = hosts[(first + tried) % hosts.length] ?? hosts[0];
      const share = (deadline - performance.now()) / (hosts.length - tried);
      try {
        const timeoutMs = Math.max(1, Math.min(Math.max(share, LEAST_ATTEMPT_MS), deadline - performance.now()));
        return await ZookeeperConnection.open({ ...attempt, host, ...(tls && { tls }), timeoutMs, signal });
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof ZookeeperError) throw error;
        electing ||= error instanceof ServerClosed;
        reasons.push(hosts.length > 1 ? `${formatStoreHost(host)}: ${messageOf(error)}` : messageOf(error));
      }
    }
    // An election ends; a server that is not there, or not trusted, is not so a moment later.
    if (!electing || performance.now() + RETRY_MS >= deadline) throw new Error(reasons.join("; "));
    await pause(RETRY_MS, undefined, { signal });
  }
}

export class ZookeeperLink implements AsyncDisposable {
  readonly #options: StoreOptions;
  readonly #onEvent: (path: string) => void;
  readonly #closing = new AbortController();
  #current: ZookeeperConnection | undefined;
  #opening: Promise<ZookeeperConnection> | undefined;

  constructor(options: StoreOptions, onEvent: (path: string) => void) {
    this.#options = options;
    this.#onEvent = onEvent;
  }

  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Of all who ask at once there is one attempt, with the deadline of the first; the caller has to keep its own. */
  async connection(deadline: number): Promise<ZookeeperConnection> {
    if (this.#current?.alive === true) return this.#current;
    this.#opening ??= this.#open(deadline).finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#opening?.catch(() => undefined);
    await this.#current?.close(CLOSE_MS);
  }

  async #open(deadline: number): Promise<ZookeeperConnection> {
    const attempt = { sessionTimeoutMs: SESSION_TIMEOUT_MS, onEvent: this.#onEvent };
    this.#current = await connectAny(this.#options, attempt, deadline, this.#closing.signal);
    return this.#current;
  }
}
