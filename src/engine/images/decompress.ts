/**
 * Tar streams as people have them: plain, gzip, bzip2, xz or zstd, told apart by their first bytes. gzip and zstd are undone
 * by Node's zlib; for bzip2 and xz the program of that name is run, as dockerd runs xz.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { PassThrough, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { EngineError, messageOf } from "../../base/errors.ts";

type Compression = "none" | "gzip" | "bzip2" | "xz" | "zstd";

const MAGIC: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b, 0x08]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
];
const LONGEST_MAGIC = 6;

export function detectCompression(head: Uint8Array): Compression {
  return MAGIC.find(([, magic]) => magic.every((byte, index) => head[index] === byte))?.[0] ?? "none";
}

/** The uncompressed bytes of `source`. Throws `invalid-argument` when the compressed stream is damaged. */
export async function* decompress(source: Readable): AsyncGenerator<Uint8Array> {
  const { head, rest } = await peek(source);
  const compression = detectCompression(head);
  if (compression === "none") return yield* rest;
  const output = new PassThrough();
  const done = run(compression, rest, output).then(
    () => undefined,
    (error: unknown) => output.destroy(error instanceof Error ? error : new Error(messageOf(error))),
  );
  try {
    for await (const chunk of output) {
      const bytes: Uint8Array = chunk;
      yield bytes;
    }
  } catch (cause) {
    throw new EngineError("invalid-argument", `decompress ${compression}: ${messageOf(cause)}`, { cause });
  } finally {
    output.destroy();
    source.destroy();
    await done;
  }
}

async function run(compression: Compression, input: AsyncIterable<Uint8Array>, output: PassThrough): Promise<void> {
  if (compression === "gzip") return pipeline(input, createGunzip(), output);
  if (compression === "zstd") return pipeline(input, createZstdDecompress(), output);
  const child = spawn(compression, ["-d", "-c", "-q"], { stdio: ["pipe", "pipe", "ignore"] });
  const exit = once(child, "exit");
  await Promise.all([
    pipeline(input, child.stdin),
    pipeline(child.stdout, output, { end: false }),
    exit.then(([code]) => (code === 0 ? undefined : Promise.reject(new Error(`it ended with code ${code}`)))),
  ]);
  output.end();
}

/** The first bytes, and all bytes again. */
async function peek(source: Readable): Promise<{ head: Uint8Array; rest: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let head: Uint8Array = Buffer.alloc(0);
  while (head.length < LONGEST_MAGIC) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    if (head.length > 0) yield head;
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) return;
      yield next.value;
    }
  }
  return { head, rest: all() };
}
