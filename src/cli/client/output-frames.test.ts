/** Copying output at the pace of whoever takes it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PassThrough, Writable } from "node:stream";
import { copyRaw } from "./output-frames.ts";

/** `count` pieces of a size that no writer takes at once. */
async function* pieces(count: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index++) yield await Promise.resolve(Buffer.alloc(100, "y"));
}

test("a slow writer gets every byte, and keeps no listener of each wait", async () => {
  let received = 0;
  const slow = new Writable({
    highWaterMark: 10,
    write(chunk: Buffer, _encoding, callback) {
      received += chunk.length;
      setImmediate(callback);
    },
  });
  await copyRaw(pieces(50), slow);
  assert.equal(received, 5_000);
  assert.deepEqual([slow.listenerCount("drain"), slow.listenerCount("close")], [0, 0]);
});

test("a writer that has gone away does not hold the copy up", async () => {
  const gone = new PassThrough({ highWaterMark: 10 });
  gone.on("error", () => undefined);
  gone.destroy();
  await copyRaw(pieces(3), gone);
});
