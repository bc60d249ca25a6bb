/**
 * Following a prefix: Consul is asked for everything below it again and again, each time held until there is something new,
 * and what came differs from what was told by its versions. The index counts on; where it goes back (a store restored from a
 * backup) everything is asked for anew.
 *
 * Consul knows no answer smaller than the whole prefix. So that many changes of a large one do not mean as many copies, the
 * next question waits a little, the longer the larger the answer was.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { FollowedCopy } from "../followed-copy.ts";
import { drawPause, type RetryPauses } from "../retry-pause.ts";
import { reasonWithoutStore } from "../transaction-limits.ts";
import type { ConsulClient, ConsulListing } from "./consul-client.ts";
import type { ConsulPulse } from "./consul-pulse.ts";

/** A thousand records are answered for in about 20 ms on both sides. */
const PAUSE_MS_PER_RECORD = 0.02;
const LONGEST_PAUSE_MS = 1_000;
/** After an answer that brought nothing new before its time. */
const IDLE_PAUSE_MS = 100;
const RETRY: RetryPauses = { firstMs: 300, mostMs: 5_000 };

export class ConsulFollowing implements AsyncDisposable {
  readonly #client: ConsulClient;
  readonly #prefix: string;
  readonly #copy: FollowedCopy;
  readonly #stop = new AbortController();
  #question = new AbortController();
  #unsubscribe: () => void = () => undefined;

  constructor(client: ConsulClient, prefix: string, copy: FollowedCopy) {
    this.#client = client;
    this.#prefix = prefix;
    this.#copy = copy;
  }

  /** Resolves once the first copy was told. */
  async start(pulse: ConsulPulse): Promise<void> {
    const listing = await this.#client.list(this.#prefix);
    if (this.#stop.signal.aborted) return;
    this.#copy.take(listing.records);
    this.#unsubscribe = pulse.subscribe((reason) => this.#question.abort(new Error(reason)));
    // It ends by being aborted.
    this.#follow(listing).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#copy.stop();
    this.#stop.abort();
    this.#unsubscribe();
  }

  async #follow(first: ConsulListing): Promise<never> {
    const { signal } = this.#stop;
    let { index, records } = first;
    let failures = 0;
    for (;;) {
      const rest = failures > 0 ? drawPause(RETRY, failures - 1) : this.#restAfter(records.length);
      await pause(rest, undefined, { signal, ref: false });
      try {
        const listing = failures > 0 || index === 0 ? await this.#client.list(this.#prefix) : await this.#wait(index);
        signal.throwIfAborted();
        if (failures > 0 || listing.index !== index) this.#copy.take(listing.records);
        else await pause(IDLE_PAUSE_MS, undefined, { signal, ref: false });
        failures = 0;
        index = listing.index < index ? 0 : listing.index;
        records = listing.records;
      } catch (error) {
        signal.throwIfAborted();
        failures++;
        this.#copy.lose(reasonWithoutStore(this.#client.address, error));
      }
    }
  }

  /** A question that the pulse can end. */
  async #wait(index: number): Promise<ConsulListing> {
    this.#question = new AbortController();
    const { signal } = this.#question;
    try {
      return await this.#client.list(this.#prefix, { index, signal: AbortSignal.any([signal, this.#stop.signal]) });
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    }
  }

  #restAfter(records: number): number {
    return Math.min(LONGEST_PAUSE_MS, records * PAUSE_MS_PER_RECORD);
  }
}
