/**
 * A container's log on disk in the format of Docker's json-file driver: one object per line, `{"log", "stream", "time"}`,
 * where `log` ends in a newline unless the line was cut at 16 KiB or the process ended within it. Writing never blocks the
 * event loop; what waits to be written is bounded, because the source stops while `blocked`.
 */
import { open, type FileHandle } from "node:fs/promises";
import type { Clock } from "../../base/clock.ts";
import { formatTimeNs } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { messageOf } from "../../base/errors.ts";
import type { OutputChunk } from "../engine.ts";

/** Longest piece of a line in one entry. */
const MAX_LINE = 16 * 1024;
const MAX_PENDING_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

export class JsonLog {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #partial: Record<OutputChunk["stream"], Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  readonly #drainWaiters: (() => void)[] = [];
  readonly #appendWaiters = new Set<() => void>();
  #pending: string[] = [];
  #pendingBytes = 0;
  #writing: Promise<void> | undefined;
  #closed = false;

  private constructor(path: string, file: FileHandle, parts: { clock: Clock; log: Log }) {
    this.path = path;
    this.#file = file;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  /** Opens for appending; made with mode 0640 where it is not. */
  static async open(path: string, parts: { readonly clock: Clock; readonly log: Log }): Promise<JsonLog> {
    return new JsonLog(path, await open(path, "a", 0o640), parts);
  }

  append(chunk: OutputChunk): void {
    const before = this.#partial[chunk.stream];
    const ending = this.#ending(chunk.stream);
    let rest = before.length === 0 ? Buffer.from(chunk.bytes) : Buffer.concat([before, chunk.bytes]);
    for (;;) {
      const newline = rest.indexOf(NEWLINE);
      const length = newline === -1 ? MAX_LINE : Math.min(newline + 1, MAX_LINE);
      if (newline === -1 && rest.length < MAX_LINE) break;
      this.#add(rest.subarray(0, length), ending);
      rest = rest.subarray(length);
    }
    this.#partial[chunk.stream] = Buffer.from(rest);
  }

  /** More waits to be written than should. */
  get blocked(): boolean {
    return this.#pendingBytes > MAX_PENDING_BYTES;
  }

  get closed(): boolean {
    return this.#closed;
  }

  whenDrained(callback: () => void): void {
    if (this.blocked) this.#drainWaiters.push(callback);
    else callback();
  }

  /** Answers when everything appended so far, except unfinished lines, is in the file. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** Answers at the next write, at close, or when `signal` aborts. */
  async changed(signal: AbortSignal): Promise<void> {
    if (this.#closed || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#appendWaiters.add(resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    this.#appendWaiters.delete(resolve);
  }

  async close(): Promise<void> {
    for (const stream of ["stdout", "stderr"] as const) {
      if (this.#partial[stream].length > 0) this.#add(this.#partial[stream], this.#ending(stream));
      this.#partial[stream] = Buffer.alloc(0);
    }
    await this.flush();
    this.#closed = true;
    this.#wake(this.#appendWaiters);
    await this.#file.close();
  }

  /**
   * How an entry ends. Lines that came in one read came at one time: formatting it once for all of them, and not with each
   * line, makes a flood of short lines five times as fast.
   */
  #ending(stream: OutputChunk["stream"]): string {
    return `,"stream":"${stream}","time":"${formatTimeNs(this.#clock.nowNs())}"}\n`;
  }

  #add(line: Buffer, ending: string): void {
    const text = `{"log":${JSON.stringify(line.toString("utf8"))}${ending}`;
    this.#pending.push(text);
    this.#pendingBytes += text.length;
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    // Everything of this turn of the event loop goes into one write.
    await Promise.resolve();
    while (this.#pending.length > 0) {
      const text = this.#pending.join("");
      this.#pending = [];
      try {
        await this.#file.appendFile(text);
      } catch (error) {
        // A full disk must not stop the container; what does not fit is lost, and the daemon's log says so.
        this.#log.error({ path: this.path, error: messageOf(error) }, "container log cannot be written");
      }
      this.#pendingBytes = this.#pending.reduce((sum, entry) => sum + entry.length, 0);
      this.#wake(this.#appendWaiters);
      if (!this.blocked) for (const callback of this.#drainWaiters.splice(0)) callback();
    }
    this.#writing = undefined;
  }

  #wake(waiters: Set<() => void>): void {
    for (const resolve of waiters) resolve();
  }
}
