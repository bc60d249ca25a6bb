import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { decodeName, encodeName, skipName } from "./name.ts";

const bytes = (...parts: (number | string)[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.of(part))));

test("a name is read in lower case, and ends after its zero byte", () => {
  assert.deepEqual(decodeName(bytes(3, "WwW", 7, "example", 0, 9), 0), { text: "www.example", end: 13 });
  assert.deepEqual(decodeName(bytes(0), 0), { text: "", end: 1 });
});

test("dots and backslashes inside a label are escaped, so that they never split a name", () => {
  assert.equal(decodeName(bytes(3, "a.b", 1, "c", 0), 0)?.text, "a\\.b.c");
  assert.equal(decodeName(bytes(2, "a\\", 0), 0)?.text, "a\\\\");
});

test("a pointer leads to an earlier name, and reading goes on after the pointer", () => {
  const message = bytes(3, "net", 0, 1, "a", 0xc0, 0, 7);
  assert.deepEqual(decodeName(message, 5), { text: "a.net", end: 9 });
  assert.equal(skipName(message, 5), 9);
});

for (const [what, message, offset] of [
  ["a pointer to itself", bytes(0xc0, 0), 0],
  ["a pointer forward", bytes(0xc0, 2, 0), 0],
  ["two pointers to each other", bytes(0xc0, 2, 0xc0, 0), 2],
  ["a label that leads back into its own pointer", bytes(1, "a", 0xc0, 0), 0],
  ["half a pointer", bytes(0, 0xc0), 1],
  ["a reserved label type", bytes(0x40, 0), 0],
  ["a label that runs past the end", bytes(5, "ab"), 0],
  ["no final zero", bytes(1, "a"), 0],
  ["an offset past the end", bytes(0), 4],
  ["256 bytes", bytes(...Array.from({ length: 128 }, () => [1, "a"]).flat(), 0), 0],
] as const) {
  test(`${what} is no name`, () => assert.equal(decodeName(message, offset), undefined));
}

test("what is encoded is decoded, in lower case", () => {
  const label = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
  fc.assert(
    fc.property(fc.array(label, { minLength: 1, maxLength: 8 }), (labels) => {
      const encoded = encodeName(labels.join("."));
      assert.ok(encoded !== undefined);
      assert.deepEqual(decodeName(encoded, 0), { text: labels.join(".").toLowerCase(), end: encoded.length });
    }),
  );
});

test("labels that are empty or longer than 63 bytes, and names longer than 255, are not encoded", () => {
  assert.equal(encodeName(""), undefined);
  assert.equal(encodeName("a..b"), undefined);
  assert.equal(encodeName("a".repeat(64)), undefined);
  assert.equal(encodeName(Array.from({ length: 5 }, () => "a".repeat(60)).join(".")), undefined);
  assert.ok(encodeName("a".repeat(63)));
});

test("any bytes at any offset give a name of at most 255 bytes or nothing, and reading only ever moves on", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(320), (message, offset) => {
      const name = decodeName(message, offset);
      if (name === undefined) return;
      assert.ok(name.end > offset && name.end <= message.length);
      assert.ok(name.text.length < 2 * 255);
      assert.equal(skipName(message, offset), name.end);
    }),
    { numRuns: 2000 },
  );
});
