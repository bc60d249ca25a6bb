import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { encodeFrame, FrameReader } from "./frames.ts";

test("messages come out whole, however the bytes are cut", () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 });
  fc.assert(
    fc.property(messages, fc.integer({ min: 1, max: 50 }), (sent, step) => {
      const reader = new FrameReader();
      const stream = Buffer.concat(sent.map(encodeFrame));
      const received: Uint8Array[] = [];
      for (let at = 0; at < stream.length; at += step) received.push(...reader.push(stream.subarray(at, at + step)));
      assert.deepEqual(received.map(String), sent.map(String));
      assert.equal(reader.pending, 0);
    }),
  );
});

test("a message has at most 65,535 bytes", () => {
  assert.equal(encodeFrame(new Uint8Array(65_535)).length, 65_537);
  assert.throws(() => encodeFrame(new Uint8Array(65_536)), RangeError);
});
