/**
 * The framing of output without a terminal (Docker API, "Stream format" of attach): a header of eight bytes, then the piece.
 *
 *     0        1..3    4..7
 *     stream   zero    length, big-endian
 *
 * Streams: 0 stdin, 1 stdout, 2 stderr, 3 an error of the daemon.
 */
import type { Writable } from "node:stream";
import { CliFailure } from "../failure.ts";

const HEADER = 8;
/** Docker's pieces are at most 32 KiB; what claims more than this is not a frame. */
const LARGEST = 64 * 1024 * 1024;

export interface Frame {
  readonly stream: number;
  readonly bytes: Buffer;
}

/** Cuts chunks that come in any size into frames. Throws CliFailure when the bytes are no frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  read(chunk: Uint8Array): Frame[] {
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    while (this.#rest.length >= HEADER) {
      const stream = this.#rest.readUInt8(0);
      const length = this.#rest.readUInt32BE(4);
      if (stream > 3 || length > LARGEST) throw new CliFailure(`unrecognized input header: ${stream}`);
      if (this.#rest.length < HEADER + length) break;
      frames.push({ stream, bytes: this.#rest.subarray(HEADER, HEADER + length) });
      this.#rest = this.#rest.subarray(HEADER + length);
    }
    return frames;
  }
}

/** Copies framed output to the two writers until the source ends, no faster than they take it. */
export async function copyFrames(source: AsyncIterable<Uint8Array>, stdout: Writable, stderr: Writable): Promise<void> {
  const reader = new FrameReader();
  for await (const chunk of source) {
    for (const { stream, bytes } of reader.read(chunk)) {
      if (stream === 3) throw new CliFailure(`error from daemon in stream: ${bytes.toString()}`);
      await write(stream === 2 ? stderr : stdout, bytes);
    }
  }
}

/** Copies a terminal's output, which has no frames. */
export async function copyRaw(source: AsyncIterable<Uint8Array>, stdout: Writable): Promise<void> {
  for await (const chunk of source) await write(stdout, chunk);
}

async function write(target: Writable, bytes: Uint8Array): Promise<void> {
  if (target.write(bytes) || target.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  target.once("drain", resolve).once("close", resolve);
  await promise;
  target.off("drain", resolve).off("close", resolve);
}
