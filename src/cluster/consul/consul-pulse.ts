/**
 * Whether Consul is there, asked every other second while somebody follows: a question that Consul holds for a minute says
 * nothing of a pulled cable, nor of a server that has lost the others.
 */
import { setTimeout as pause } from "node:timers/promises";
import { messageOf } from "../../base/errors.ts";
import type { ConsulClient } from "./consul-client.ts";

const PULSE_MS = 1_500;
const ANSWER_MS = 2_000;

export class ConsulPulse {
  readonly #client: ConsulClient;
  readonly #listeners = new Set<(reason: string) => void>();
  #stop: AbortController | undefined;

  constructor(client: ConsulClient) {
    this.#client = client;
  }

  /** Calls the listener whenever Consul is found away, until unsubscribed. */
  subscribe(listener: (reason: string) => void): () => void {
    this.#listeners.add(listener);
    if (this.#stop === undefined) {
      this.#stop = new AbortController();
      // It ends by being aborted.
      this.#beat(this.#stop.signal).catch(() => undefined);
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#stop?.abort();
      this.#stop = undefined;
    };
  }

  async #beat(signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(PULSE_MS, undefined, { signal, ref: false });
      const reason = await this.#ask(signal);
      if (reason !== undefined && !signal.aborted) for (const listener of this.#listeners) listener(reason);
    }
  }

  /** Undefined when all is well. */
  async #ask(signal: AbortSignal): Promise<string | undefined> {
    try {
      const answer = await this.#client.call({ method: "GET", path: "/status/leader", timeoutMs: ANSWER_MS, signal });
      return answer.status === 200 && answer.text.trim() !== '""' ? undefined : "Consul has no leader";
    } catch (error) {
      return messageOf(error);
    }
  }
}
