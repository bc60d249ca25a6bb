/**
 * The standard streams of one process: fifos in a directory of its own, output to a hub (and a log), input from whoever is
 * attached. The source is paused while a reader or the log is behind. `close` frees every descriptor and the fifos.
 */
import { mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../base/errors.ts";
import type { StdioPaths } from "../containerd/messages.ts";
import type { OutputChunk } from "../engine.ts";
import { ensureFifo, openFifoReader, openFifoWriter } from "./fifo.ts";
import type { JsonLog } from "./json-log.ts";
import type { OutputHub } from "./output-hub.ts";

/** After a process has ended, its output normally ends at once; a child that kept the pipe is not waited for longer. */
const DRAIN_TIMEOUT_MS = 2000;

export interface StreamOptions {
  /** For the fifos; made here, removed by `close`. */
  readonly directory: string;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** A terminal has no stderr of its own. */
  readonly terminal: boolean;
  readonly hub: OutputHub;
  readonly log?: JsonLog;
}

type OutputName = OutputChunk["stream"];

export class ProcessStreams {
  readonly #options: StreamOptions;
  readonly #outputs: Socket[] = [];
  readonly #ended: Promise<void>;
  #stdin: Socket | undefined;

  /** Makes the fifos (or finds those of an earlier run) and opens our ends. */
  constructor(options: StreamOptions) {
    this.#options = options;
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    const { stdin, stdout, stderr } = this.paths;
    for (const path of [stdin, stdout, stderr]) if (path !== "") ensureFifo(path);
    const ends = [this.#openOutput("stdout", stdout), this.#openOutput("stderr", stderr)];
    if (stdin !== "") {
      this.#stdin = openFifoWriter(stdin);
      // The process may be gone before it has read everything.
      this.#stdin.on("error", () => undefined);
    }
    this.#ended = Promise.all(ends).then(() => undefined);
  }

  /**
   * For containerd; "" is /dev/null, but its shim takes that only for all three or on a terminal: one pipe, and both outputs
   * are pipes too. What nobody wanted is read and dropped.
   */
  get paths(): StdioPaths {
    const { directory, terminal, stdin, stdout, stderr } = this.#options;
    const piped = !terminal && (stdin || stdout || stderr);
    const path = (name: string, wanted: boolean): string => (wanted ? join(directory, name) : "");
    return {
      stdin: path("stdin", stdin),
      stdout: path("stdout", stdout || piped),
      stderr: path("stderr", piped),
      terminal,
    };
  }

  /** A client's way to the process's stdin; `closeStdin` runs when that client ends it, if given. */
  stdinWriter(closeStdin?: () => Promise<void>): Writable {
    return new Writable({
      write: (chunk: Uint8Array, _encoding, callback) => this.writeStdin(chunk, callback),
      final: (callback) => {
        void settled(closeStdin, callback);
      },
    });
  }

  /** Calls back when the pipe has taken the bytes, or when there is no one to read them any more. */
  writeStdin(bytes: Uint8Array, callback: () => void): void {
    const stdin = this.#stdin;
    if (stdin === undefined || stdin.destroyed) callback();
    else stdin.write(bytes, () => callback());
  }

  /** Sends what is still to be sent and gives up our end; containerd must close its own as well (CloseIO). */
  async endStdin(): Promise<void> {
    const stdin = this.#stdin;
    if (stdin === undefined || stdin.destroyed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    stdin.once("close", resolve);
    stdin.end(() => stdin.destroy());
    await promise;
  }

  /** Answers when all output has been read, at the latest two seconds after the call. */
  async drain(): Promise<void> {
    const timeout = new AbortController();
    const late = delay(DRAIN_TIMEOUT_MS, undefined, { signal: timeout.signal }).catch(() => undefined);
    await Promise.race([this.#ended, late]);
    timeout.abort();
  }

  /** Every reader of the output ends after what it has. */
  endReaders(): void {
    this.#options.hub.end();
  }

  /** Gives up the descriptors; the fifos stay for the next engine, which adopts the process. */
  detach(): void {
    this.#stdin?.destroy();
    for (const output of this.#outputs) output.destroy();
  }

  async close(): Promise<void> {
    this.detach();
    await rm(this.#options.directory, { recursive: true, force: true });
  }

  async #openOutput(name: OutputName, path: string): Promise<void> {
    if (path === "") return;
    const socket = openFifoReader(path);
    this.#outputs.push(socket);
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.on("data", (bytes: Buffer) => this.#take({ stream: name, bytes }));
    socket.on("error", () => undefined);
    socket.once("close", resolve);
    await promise;
  }

  #take(chunk: OutputChunk): void {
    const { hub, log } = this.#options;
    log?.append(chunk);
    hub.write(chunk);
    if (!hub.blocked && log?.blocked !== true) return;
    for (const output of this.#outputs) output.pause();
    const resume = (): void => {
      if (hub.blocked || log?.blocked === true) return;
      for (const output of this.#outputs) output.resume();
    };
    hub.whenDrained(resume);
    log?.whenDrained(resume);
  }
}

/** Runs `body` if there is one, then tells a stream how it went. */
export async function settled(
  body: (() => Promise<void>) | undefined,
  callback: (error?: Error | null) => void,
): Promise<void> {
  try {
    await body?.();
  } catch (error) {
    callback(error instanceof Error ? error : new Error(messageOf(error)));
    return;
  }
  callback();
}
