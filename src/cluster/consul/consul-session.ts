/**
 * A session of Consul: it depends on being renewed and on nothing else (by default it would also end with the health of
 * whichever agent made it), and its keys are deleted with it, without a delay for who takes them next. Consul ends a session
 * between one and two times its TTL after the last word.
 */
import { setTimeout as pause } from "node:timers/promises";
import { EngineError, messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { CALL_TIMEOUT_MS, type ClusterSession } from "../cluster-store.ts";
import { parseSessionId } from "./consul-answer.ts";
import { refusal, type ConsulClient } from "./consul-client.ts";
import type { ConsulAnswer } from "./consul-http.ts";

/** What Consul grants when a shorter one is refused and it does not say what would do. */
const USUAL_LEAST_TTL_MS = 10_000;
/** After a renewal that failed, in parts of the TTL. */
const RETRY_PART = 12;
const RENEW_PART = 3;

export interface ConsulSessionOptions {
  readonly client: ConsulClient;
  readonly log: Log;
  /** Told once it is over, disposed or abandoned. */
  readonly release: (session: ConsulSession) => void;
}

export class ConsulSession implements ClusterSession {
  readonly id: string;
  readonly ttlMs: number;
  readonly ended: Promise<string>;
  readonly #options: ConsulSessionOptions;
  readonly #stop = new AbortController();

  private constructor(id: string, ttlMs: number, options: ConsulSessionOptions) {
    this.id = id;
    this.ttlMs = ttlMs;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ended = promise;
    this.#renew().then(
      (reason) => reason !== undefined && resolve(reason),
      // Disposed while it slept.
      () => undefined,
    );
  }

  static async open(wantedMs: number, options: ConsulSessionOptions): Promise<ConsulSession> {
    const { client } = options;
    const first = await createSession(client, wantedMs);
    if (first.status === 200)
      return new ConsulSession(
        client.understand(() => parseSessionId(first.text)),
        wantedMs,
        options,
      );
    const ttlMs = Math.max(wantedMs, leastTtl(first.text));
    const second = await createSession(client, ttlMs);
    if (second.status !== 200) throw client.unavailable(refusal(second));
    return new ConsulSession(
      client.understand(() => parseSessionId(second.text)),
      ttlMs,
      options,
    );
  }

  async abandon(): Promise<void> {
    this.#stop.abort();
    this.#options.release(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    const { client, log, release } = this.#options;
    try {
      await client.call({ method: "PUT", path: `/session/destroy/${this.id}` });
    } catch (error) {
      log.debug({ session: this.id, error: messageOf(error) }, "a session of the cluster store is left to expire");
    }
    release(this);
  }

  /** Until it is over; gives why, unless we ended it. */
  async #renew(): Promise<string | undefined> {
    const { client, log } = this.#options;
    const { signal } = this.#stop;
    let failed = false;
    for (;;) {
      await pause(this.ttlMs / (failed ? RETRY_PART : RENEW_PART), undefined, { signal, ref: false });
      try {
        const timeoutMs = Math.min(CALL_TIMEOUT_MS, this.ttlMs / RENEW_PART);
        const answer = await client.call({ method: "PUT", path: `/session/renew/${this.id}`, timeoutMs, signal });
        failed = answer.status !== 200;
        if (answer.status !== 404) continue;
      } catch (error) {
        if (signal.aborted || client.closed) return undefined;
        failed = true;
        log.debug({ session: this.id, error: messageOf(error) }, "a session of the cluster store was not renewed");
        continue;
      }
      this.#stop.abort();
      this.#options.release(this);
      return `session ${this.id} is over: Consul knows it no more`;
    }
  }
}

async function createSession(client: ConsulClient, ttlMs: number): Promise<ConsulAnswer> {
  const body = {
    Name: "causeway",
    TTL: `${ttlMs}ms`,
    Behavior: "delete",
    LockDelay: "1ms",
    NodeChecks: [],
    Checks: [],
  };
  try {
    return await client.call({ method: "PUT", path: "/session/create", body });
  } catch (error) {
    // Consul refuses a TTL as if it had failed.
    if (error instanceof EngineError && error.message.includes("Invalid Session TTL")) {
      return { status: 400, text: error.message, index: 0 };
    }
    throw error;
  }
}

/** "Invalid Session TTL '1000000000', must be between [10s=24h0m0s]". */
function leastTtl(text: string): number {
  const [, amount, unit] = /between \[(\d+(?:\.\d+)?)(ms|s|m)\b/.exec(text) ?? [];
  if (amount === undefined) return USUAL_LEAST_TTL_MS;
  return Math.ceil(Number(amount) * (unit === "ms" ? 1 : unit === "s" ? 1000 : 60_000));
}
