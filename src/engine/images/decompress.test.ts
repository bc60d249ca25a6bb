/** Compressed tar streams, judged by the programs that made them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { Readable } from "node:stream";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { decompress, detectCompression } from "./decompress.ts";

const content = Buffer.from("some bytes\n".repeat(50_000));

async function collect(bytes: Uint8Array, size = 1000): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += size)
    pieces.push(Buffer.from(bytes.subarray(start, start + size)));
  const out: Uint8Array[] = [];
  for await (const chunk of decompress(Readable.from(pieces))) out.push(chunk);
  return Buffer.concat(out);
}

test("plain bytes pass, even when they come one at a time", async () => {
  assert.ok((await collect(content)).equals(content));
  assert.equal((await collect(Buffer.from("ab"), 1)).toString(), "ab");
  assert.equal((await collect(Buffer.alloc(0))).length, 0);
});

test("gzip and zstd are recognised and undone", async () => {
  assert.ok((await collect(gzipSync(content))).equals(content));
  assert.ok((await collect(zstdCompressSync(content))).equals(content));
});

test("xz and bzip2 are recognised and undone by their programs", async () => {
  for (const program of ["xz", "bzip2"]) {
    const bytes = execFileSync(program, ["-c"], { input: content });
    assert.equal(detectCompression(bytes), program);
    assert.ok((await collect(bytes)).equals(content));
  }
});

test("a damaged stream is the client's fault", async () => {
  const cut = gzipSync(content).subarray(0, 300);
  await assert.rejects(collect(cut), { code: "invalid-argument", message: /^decompress gzip: / });
  const broken = Buffer.concat([Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]), Buffer.alloc(100)]);
  await assert.rejects(collect(broken), { code: "invalid-argument", message: /^decompress xz: / });
});
