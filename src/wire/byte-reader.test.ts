/** Reads past the end throw WireError and nothing else; offsets are where reading stopped. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ByteReader, WireError } from "./byte-reader.ts";

const READS = {
  u8: 1,
  u16: 2,
  u32: 4,
  i32: 4,
  u64: 8,
  u16be: 2,
  u32be: 4,
} as const satisfies Partial<Record<keyof ByteReader, number>>;

const kinds = ["u8", "u16", "u32", "i32", "u64", "u16be", "u32be"] as const;

test("a read succeeds exactly when its bytes are there, and moves by their number", () => {
  const property = fc.property(
    fc.uint8Array({ maxLength: 40 }),
    fc.array(fc.constantFrom(...kinds)),
    (bytes, reads) => {
      const reader = new ByteReader(bytes);
      for (const kind of reads) {
        const { offset, remaining } = reader;
        if (remaining >= READS[kind]) {
          reader[kind]();
          assert.equal(reader.offset, offset + READS[kind]);
        } else {
          assert.throws(
            () => reader[kind](),
            (error) => error instanceof WireError && error.offset === offset,
          );
          assert.equal(reader.offset, offset);
        }
      }
    },
  );
  fc.assert(property, { numRuns: 500 });
});

test("take and skip refuse more than is left, and negative sizes", () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3));
  assert.throws(() => reader.take(4), /4 bytes wanted, 3 left at byte 0/);
  assert.throws(() => reader.skip(-1), WireError);
  assert.deepEqual([...reader.take(3)], [1, 2, 3]);
  assert.equal(reader.remaining, 0);
});

test("a reader of a part of a larger buffer stays within the part", () => {
  const whole = Uint8Array.of(9, 1, 2, 9, 9);
  const reader = new ByteReader(whole.subarray(1, 3));
  assert.equal(reader.u16be(), 0x0102);
  assert.throws(() => reader.u8(), WireError);
});
