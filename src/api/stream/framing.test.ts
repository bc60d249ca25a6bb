import assert from "node:assert/strict";
import { test } from "node:test";
import { frame, outputEncoder, streamContentType } from "./framing.ts";

test("a frame is the stream's number, three zeros, the length and the bytes", () => {
  assert.deepEqual([...frame({ stream: "stdout", bytes: Buffer.from("hi") })], [1, 0, 0, 0, 0, 0, 0, 2, 104, 105]);
  assert.deepEqual([...frame({ stream: "stderr", bytes: Buffer.alloc(0) })], [2, 0, 0, 0, 0, 0, 0, 0]);
});

test("a terminal's output is not framed", async () => {
  const encoder = outputEncoder(true);
  encoder.end({ stream: "stdout", bytes: Buffer.from("hi") });
  assert.equal(String(await encoder.toArray()), "hi");
});

test("framed streams are announced as such from API 1.42", () => {
  assert.equal(streamContentType(false, 41), "application/vnd.docker.raw-stream");
  assert.equal(streamContentType(false, 42), "application/vnd.docker.multiplexed-stream");
  assert.equal(streamContentType(true, 51), "application/vnd.docker.raw-stream");
});
