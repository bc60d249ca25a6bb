/**
 * A client's way to a container's stdin that may exist before the process does (`docker run -i` attaches, then starts). What
 * is written meanwhile waits, one chunk at a time, so the client is held back and nothing is lost.
 */
import { Writable } from "node:stream";
import { settled } from "../streams/process-streams.ts";
import type { ContainerEntry } from "./container-entry.ts";

export class LateStdin extends Writable {
  readonly #entry: ContainerEntry;
  readonly #closeStdin: (() => Promise<void>) | undefined;

  /** `closeStdin` runs after the client's last byte, when the process is there. */
  constructor(entry: ContainerEntry, closeStdin: (() => Promise<void>) | undefined) {
    super({ decodeStrings: true });
    this.#entry = entry;
    this.#closeStdin = closeStdin;
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#whenRunning(() => {
      const run = this.#entry.run;
      if (run === undefined) callback();
      else run.streams.writeStdin(chunk, callback);
    });
  }

  override _final(callback: (error?: Error | null) => void): void {
    const close = this.#closeStdin;
    if (close === undefined) callback();
    else this.#whenRunning(() => void settled(close, callback));
  }

  #whenRunning(action: () => void): void {
    if (this.#entry.running) action();
    else this.#entry.onceStarted(() => (this.destroyed ? undefined : action()));
  }
}
