/** What is written is what Node's Buffer would write, wherever the buffer has to grow, and reads back as it was. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ByteReader, LITTLE_ENDIAN } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";

type Write =
  | { readonly kind: "u8" | "u16" | "u32" | "i32" | "u16be" | "u32be"; readonly value: number }
  | { readonly kind: "u64"; readonly value: bigint }
  | { readonly kind: "bytes"; readonly value: Uint8Array };

const unsigned = (kind: "u8" | "u16" | "u32" | "u16be" | "u32be", max: number): fc.Arbitrary<Write> =>
  fc.integer({ min: 0, max }).map((value) => ({ kind, value }));

const write: fc.Arbitrary<Write> = fc.oneof(
  unsigned("u8", 0xff),
  unsigned("u16", 0xffff),
  unsigned("u32", 0xffff_ffff),
  unsigned("u16be", 0xffff),
  unsigned("u32be", 0xffff_ffff),
  fc.integer().map((value): Write => ({ kind: "i32", value })),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value): Write => ({ kind: "u64", value })),
  fc.uint8Array({ maxLength: 40 }).map((value): Write => ({ kind: "bytes", value })),
);

function apply(writer: ByteWriter, item: Write): void {
  if (item.kind === "bytes") writer.bytes(item.value);
  else if (item.kind === "u64") writer.u64(item.value);
  else writer[item.kind](item.value);
}

/** The oracle. */
function expected(item: Write): Buffer {
  if (item.kind === "bytes") return Buffer.from(item.value);
  const buffer = Buffer.alloc({ u8: 1, u16: 2, u16be: 2, u32: 4, i32: 4, u32be: 4, u64: 8 }[item.kind]);
  if (item.kind === "u64") {
    if (LITTLE_ENDIAN) buffer.writeBigUInt64LE(item.value);
    else buffer.writeBigUInt64BE(item.value);
  } else if (item.kind === "i32") {
    if (LITTLE_ENDIAN) buffer.writeInt32LE(item.value);
    else buffer.writeInt32BE(item.value);
  } else if (LITTLE_ENDIAN && !item.kind.endsWith("be")) {
    buffer.writeUIntLE(item.value, 0, buffer.length);
  } else {
    buffer.writeUIntBE(item.value, 0, buffer.length);
  }
  return buffer;
}

function read(reader: ByteReader, item: Write): unknown {
  return item.kind === "bytes" ? Buffer.from(reader.take(item.value.length)) : reader[item.kind]();
}

test("any sequence of writes gives the bytes of Buffer and reads back", () => {
  const property = fc.property(fc.array(write, { maxLength: 30 }), (items) => {
    const writer = new ByteWriter(1);
    for (const item of items) apply(writer, item);
    const bytes = writer.finish();
    assert.deepEqual(Buffer.from(bytes), Buffer.concat(items.map(expected)));
    assert.equal(writer.length, bytes.length);
    const reader = new ByteReader(bytes);
    for (const item of items) {
      assert.deepEqual(read(reader, item), item.kind === "bytes" ? Buffer.from(item.value) : item.value);
    }
    assert.equal(reader.remaining, 0);
  });
  fc.assert(property, { numRuns: 1000 });
});

test("alignment adds zeroes up to the multiple, also where the buffer has to grow", () => {
  const writer = new ByteWriter(16);
  for (let index = 0; index < 17; index++) writer.u8(0xff);
  assert.equal(writer.align(4).length, 20);
  assert.deepEqual([...writer.finish().subarray(16)], [0xff, 0, 0, 0]);
  assert.equal(writer.align(4).length, 20);
});

test("patches overwrite what was written and nothing beside it", () => {
  const writer = new ByteWriter().u32(0).u32(0);
  writer.patchU16be(1, 0x0102).patchU32(4, 7);
  assert.deepEqual([...writer.finish().subarray(0, 4)], [0, 1, 2, 0]);
  assert.equal(new ByteReader(writer.finish(), 4).u32(), 7);
  assert.throws(() => writer.patchU16(1_000_000, 1), RangeError);
});

test("what finish() gave does not change with later writes", () => {
  const writer = new ByteWriter().u8(1);
  const early = writer.finish();
  writer.patchU16(0, 0xffff).u8(2);
  assert.deepEqual([...early], [1]);
});
