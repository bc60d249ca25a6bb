/**
 * Output on the wire: as it is for a terminal, else in frames that tell stdout from stderr (Docker API, "Stream format"):
 *
 *     0        1   2   3   4               8
 *     | stream | 0 | 0 | 0 | length (BE32) | bytes ...
 *
 * stream: 1 is stdout, 2 is stderr.
 */
import { Transform } from "node:stream";
import type { OutputChunk } from "../../engine/engine.ts";

const STREAM_NUMBER: Readonly<Record<OutputChunk["stream"], number>> = { stdout: 1, stderr: 2 };

/** One chunk with its header. */
export function frame(chunk: OutputChunk): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(STREAM_NUMBER[chunk.stream], 0);
  header.writeUInt32BE(chunk.bytes.length, 4);
  return Buffer.concat([header, chunk.bytes]);
}

/** Turns OutputChunks into the bytes to send, with back-pressure. */
export function outputEncoder(tty: boolean): Transform {
  return new Transform({
    writableObjectMode: true,
    transform: (chunk: OutputChunk, _encoding, done) => done(null, tty ? chunk.bytes : frame(chunk)),
  });
}

export const RAW_STREAM = "application/vnd.docker.raw-stream";
const MULTIPLEXED_STREAM = "application/vnd.docker.multiplexed-stream";

/** Before API 1.42 both kinds of stream were announced as raw. */
export function streamContentType(tty: boolean, minor: number): string {
  return tty || minor < 42 ? RAW_STREAM : MULTIPLEXED_STREAM;
}
