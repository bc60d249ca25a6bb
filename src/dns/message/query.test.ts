import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { RCODE, TYPE } from "./codes.ts";
import { decodeQuery } from "./query.ts";

/** `dig c1 A` as dig 9.18 sends it, with EDNS0 (1232 bytes) and a cookie. */
const DIG = Buffer.from(
  "fbfe01200001000000000001026331000001000100002904d000000000000c000a0008b5cf0a2a0a5e1d1c".replace(/\s/g, ""),
  "hex",
);

const header = (flags: number, counts: readonly number[]): Buffer =>
  Buffer.from([0x12, 0x34, flags >> 8, flags & 255, ...counts.flatMap((count) => [count >> 8, count & 255])]);
const question = Buffer.from([1, 0x61, 0, 0, 1, 0, 1]);
const opt = (version = 0, size = 4096): Buffer =>
  Buffer.from([0, 0, 41, size >> 8, size & 255, 0, version, 0, 0, 0, 0]);

test("what dig sends is read whole", () => {
  const decoded = decodeQuery(DIG);
  assert.deepEqual(decoded, {
    kind: "query",
    query: {
      id: 0xfbfe,
      flags: 0x0120,
      name: "c1",
      type: TYPE.A,
      class: 1,
      questionEnd: 20,
      udpSize: 1232,
      edns: true,
    },
  });
});

test("without EDNS0, or with less in it, a client takes 512 bytes", () => {
  for (const message of [
    Buffer.concat([header(0x0100, [1, 0, 0, 0]), question]),
    Buffer.concat([header(0x0100, [1, 0, 0, 1]), question, opt(0, 100)]),
  ]) {
    const decoded = decodeQuery(message);
    assert.equal(decoded.kind === "query" && decoded.query.udpSize, 512);
  }
});

test("answers and fragments of a header are ignored", () => {
  assert.equal(decodeQuery(Buffer.concat([header(0x8180, [1, 0, 0, 0]), question])).kind, "ignore");
  assert.equal(decodeQuery(Buffer.alloc(11)).kind, "ignore");
});

for (const [what, message, rcode] of [
  ["another opcode", Buffer.concat([header(0x2800, [1, 0, 0, 0]), question]), RCODE.NOTIMP],
  ["no question", header(0x0100, [0, 0, 0, 0]), RCODE.FORMERR],
  ["two questions", Buffer.concat([header(0x0100, [2, 0, 0, 0]), question, question]), RCODE.FORMERR],
  ["a question that is cut off", Buffer.concat([header(0x0100, [1, 0, 0, 0]), question.subarray(0, 6)]), RCODE.FORMERR],
  ["a pointer loop", Buffer.concat([header(0x0100, [1, 0, 0, 0]), Buffer.from([0xc0, 12, 0, 1, 0, 1])]), RCODE.FORMERR],
  [
    "65,535 records that are not there",
    Buffer.concat([header(0, [1, 0xffff, 0xffff, 0xffff]), question]),
    RCODE.FORMERR,
  ],
  ["two OPT records", Buffer.concat([header(0, [1, 0, 0, 2]), question, opt(), opt()]), RCODE.FORMERR],
  ["EDNS version 1", Buffer.concat([header(0, [1, 0, 0, 1]), question, opt(1)]), RCODE.BADVERS],
] as const) {
  test(`${what} is refused with code ${rcode}`, () => {
    const decoded = decodeQuery(message);
    assert.equal(decoded.kind === "refusal" && decoded.rcode, rcode);
  });
}

test("any bytes give a query within the message, a refusal or silence", () => {
  const random = fc.uint8Array({ maxLength: 600 });
  const nearly = fc
    .tuple(fc.array(fc.nat(0xffff), { minLength: 4, maxLength: 4 }), fc.uint8Array({ maxLength: 80 }))
    .map(([counts, rest]) => Buffer.concat([header(0x0100, [1, ...counts.slice(1)]), question, rest]));
  fc.assert(
    fc.property(fc.oneof(random, nearly), (message) => {
      const decoded = decodeQuery(message);
      if (decoded.kind === "query") assert.ok(decoded.query.questionEnd <= message.length);
      if (decoded.kind === "refusal") assert.ok(decoded.questionEnd <= message.length);
    }),
    { numRuns: 3000 },
  );
});
