/**
 * One process's output, many readers. Each reader has a bounded buffer; when one is full the source is asked to stop, as a
 * full pipe would stop the process. A reader that stays full while others wait is dropped after ten seconds, so that one
 * stuck client never stops the rest for ever; a lone reader may take its time, as with Docker.
 */
import { Readable } from "node:stream";
import { EngineError } from "../../base/errors.ts";
import type { OutputChunk } from "../engine.ts";

/** Chunks are at most 64 KiB (one read of a pipe), so a reader holds at most 1 MiB. */
const BUFFERED_CHUNKS = 16;
const PATIENCE_MS = 10_000;

export interface ReaderOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Comes before everything else: what was logged so far, say. */
  readonly before?: AsyncIterable<OutputChunk>;
}

export class OutputHub {
  readonly #readers = new Set<Reader>();
  readonly #waiting: (() => void)[] = [];
  readonly #patienceMs: number;

  constructor(patienceMs = PATIENCE_MS) {
    this.#patienceMs = patienceMs;
  }

  /** A new reader of what comes from now on. Ends with `end`; destroying it detaches. */
  attach(options: ReaderOptions): Readable {
    const reader = new Reader(options, this.#patienceMs, {
      alone: () => this.#readers.size === 1,
      drained: () => this.#drained(),
      gone: () => {
        this.#readers.delete(reader);
        this.#drained();
      },
    });
    this.#readers.add(reader);
    return reader;
  }

  write(chunk: OutputChunk): void {
    for (const reader of this.#readers) reader.offer(chunk);
  }

  /** Some reader has as much as it may hold. */
  get blocked(): boolean {
    return this.#readers.values().some((reader) => reader.full);
  }

  /** Calls back once, when no reader is full any more. */
  whenDrained(callback: () => void): void {
    this.#waiting.push(callback);
    this.#drained();
  }

  /** The process's output is over: every reader ends after what it has. The hub can be used again. */
  end(): void {
    for (const reader of this.#readers) reader.finish();
    this.#readers.clear();
    this.#drained();
  }

  #drained(): void {
    if (this.blocked) return;
    for (const callback of this.#waiting.splice(0)) callback();
  }
}

interface ReaderEvents {
  readonly alone: () => boolean;
  readonly drained: () => void;
  readonly gone: () => void;
}

class Reader extends Readable {
  full = false;
  readonly #options: ReaderOptions;
  readonly #events: ReaderEvents;
  readonly #patienceMs: number;
  /** Live output that waits for `before` to be through. */
  #held: OutputChunk[] | undefined;
  #finished = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ReaderOptions, patienceMs: number, events: ReaderEvents) {
    super({ objectMode: true, highWaterMark: BUFFERED_CHUNKS });
    this.#options = options;
    this.#events = events;
    this.#patienceMs = patienceMs;
    // Whoever reads may listen for the error; nobody must.
    this.on("error", () => undefined);
    if (options.before === undefined) return;
    this.#held = [];
    void this.#passBefore(options.before);
  }

  offer(chunk: OutputChunk): void {
    if (!this.#options[chunk.stream]) return;
    if (this.#held !== undefined) {
      this.#held.push(chunk);
      if (this.#held.length >= BUFFERED_CHUNKS) this.#setFull(true);
    } else if (!this.push(chunk)) this.#setFull(true);
  }

  finish(): void {
    this.#finished = true;
    if (this.#held === undefined) this.push(null);
    this.#setFull(false);
  }

  override _read(): void {
    if (this.#held !== undefined) return;
    this.#setFull(false);
    this.#events.drained();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#setFull(false);
    this.#events.gone();
    callback(error);
  }

  async #passBefore(before: AsyncIterable<OutputChunk>): Promise<void> {
    try {
      for await (const chunk of before) {
        if (this.destroyed) return;
        if (this.#options[chunk.stream] && !this.push(chunk)) await this.#roomAgain();
      }
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const chunk of held) this.offer(chunk);
    if (this.#finished) this.push(null);
    else if (!this.full) this.#events.drained();
  }

  async #roomAgain(): Promise<void> {
    while (!this.destroyed && this.readableLength >= BUFFERED_CHUNKS) {
      const { promise, resolve } = Promise.withResolvers<void>();
      setTimeout(resolve, 10);
      await promise;
    }
  }

  #setFull(full: boolean): void {
    if (full === this.full) return;
    this.full = full;
    clearInterval(this.#timer);
    if (!full) return;
    this.#timer = setInterval(() => {
      if (!this.#events.alone()) this.destroy(new EngineError("unavailable", "client does not read its output"));
    }, this.#patienceMs).unref();
  }
}
