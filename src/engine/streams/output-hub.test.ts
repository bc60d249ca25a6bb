/** Output to many readers: in order, bounded, and no reader for ever at another's mercy. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { OutputHub } from "./output-hub.ts";

const chunk = (text: string, stream: "stdout" | "stderr" = "stdout") => ({ stream, bytes: Buffer.from(text) });
const both = { stdout: true, stderr: true };

async function textOf(reader: AsyncIterable<{ bytes: Uint8Array }>): Promise<string> {
  let text = "";
  for await (const { bytes } of reader) text += Buffer.from(bytes).toString();
  return text;
}

test("every reader gets the streams it asked for, to the end", async () => {
  const hub = new OutputHub();
  const texts = [both, { stdout: false, stderr: true }].map((options) => textOf(hub.attach(options)));
  hub.write(chunk("a"));
  hub.write(chunk("b", "stderr"));
  hub.end();
  assert.deepEqual(await Promise.all(texts), ["ab", "b"]);
});

test("what was before comes first, and nothing that came meanwhile is lost", async () => {
  const hub = new OutputHub();
  async function* before() {
    yield chunk("1");
    await Promise.resolve();
    yield chunk("2");
  }
  const text = textOf(hub.attach({ ...both, before: before() }));
  hub.write(chunk("3"));
  hub.end();
  assert.equal(await text, "123");
});

test("a full reader blocks the source until it reads", async () => {
  const hub = new OutputHub();
  const reader = hub.attach(both);
  while (!hub.blocked) hub.write(chunk("x"));
  const drained = new Promise<void>((resolve) => hub.whenDrained(resolve));
  assert.ok(reader.readableLength <= 16);
  reader.resume();
  await drained;
  assert.equal(hub.blocked, false);
});

test("a reader that leaves frees the source", async () => {
  const hub = new OutputHub();
  const reader = hub.attach(both);
  while (!hub.blocked) hub.write(chunk("x"));
  const drained = new Promise<void>((resolve) => hub.whenDrained(resolve));
  reader.destroy();
  await drained;
});

test("a stuck reader is dropped when another waits, and kept when it is alone", async () => {
  const hub = new OutputHub(20);
  const stuck = hub.attach(both);
  while (!hub.blocked) hub.write(chunk("x"));
  assert.equal(stuck.destroyed, false);
  const other = hub.attach(both);
  const [error]: unknown[] = await once(stuck, "error");
  assert.match(String(error), /does not read its output/);
  assert.equal(hub.blocked, false);
  other.destroy();
});
