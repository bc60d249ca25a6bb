/**
 * What is done now and then, one thing at a time: this host's records compared with the store's, and what others left behind
 * cleared away. Rests while the store is away.
 */
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Reaper } from "./reaping.ts";

export interface UpkeepParts {
  readonly reaper: Reaper;
  /** True when there was nothing to put right. */
  readonly restore: () => Promise<boolean>;
  readonly isConnected: () => boolean;
  readonly everyMs: number;
  readonly log: Log;
}

/** Changes come in bursts; they are looked at together. */
const SOON_MS = 20;

export class Upkeep {
  readonly #parts: UpkeepParts;
  #timer: NodeJS.Timeout | undefined;
  #soonTimer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  /** Our records may not be as they must. */
  #isDirty = true;
  #closed = false;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => this.#run(), this.#parts.everyMs).unref();
  }

  /** Something of ours changed, or we are among the living again. */
  soon(): void {
    this.#isDirty = true;
    if (this.#closed) return;
    this.#soonTimer ??= setTimeout(() => {
      this.#soonTimer = undefined;
      this.#run();
    }, SOON_MS).unref();
  }

  /** The copy was made anew, after who knows what. */
  beganAnew(): void {
    this.#parts.reaper.beginAnew();
    this.soon();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#soonTimer);
    await this.#running;
  }

  #run(): void {
    if (this.#running !== undefined || this.#closed || !this.#parts.isConnected()) return;
    this.#running = this.#look().finally(() => (this.#running = undefined));
  }

  async #look(): Promise<void> {
    try {
      if (this.#isDirty) {
        this.#isDirty = false;
        // What is waiting to settle is looked at again at the next round.
        this.#isDirty = !(await this.#parts.restore()) || this.#isDirty;
      }
      await this.#parts.reaper.run();
    } catch (cause) {
      this.#isDirty = true;
      this.#parts.log.debug({ err: cause }, `cluster upkeep put off: ${messageOf(cause)}`);
    }
  }
}
