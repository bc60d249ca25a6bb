/** The range set against a plain Set, and its promise to stay small. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { AddressSet } from "./address-set.ts";

const LAST = 40n;
const value = fc.bigInt({ min: 0n, max: LAST });
const operation = fc.record({ kind: fc.constantFrom("add", "remove"), value });

function lowestMissing(model: ReadonlySet<bigint>, first: bigint, last: bigint): bigint | undefined {
  for (let candidate = first; candidate <= last; candidate++) if (!model.has(candidate)) return candidate;
  return undefined;
}

describe("an address set", () => {
  it("answers as a plain set does, after any additions and removals", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), value, (operations, first) => {
        const set = new AddressSet();
        const model = new Set<bigint>();
        for (const { kind, value } of operations) {
          if (kind === "add") assert.equal(set.add(value), !model.has(value) && model.add(value) === model);
          else assert.equal(set.remove(value), model.delete(value));
        }
        for (let candidate = 0n; candidate <= LAST; candidate++) assert.equal(set.has(candidate), model.has(candidate));
        assert.equal(set.lowestFree(first, LAST), lowestMissing(model, first, LAST));
        const starts = [...model].filter((member) => !model.has(member - 1n));
        assert.equal(set.rangeCount, starts.length);
      }),
    );
  });

  it("holds a filled /16 as one range", () => {
    const set = new AddressSet();
    for (let value = 0n; value < 65_536n; value++) set.add(value);
    assert.equal(set.rangeCount, 1);
    assert.equal(set.lowestFree(0n, 65_535n), undefined);
    assert.equal(set.lowestFree(0n, 65_536n), 65_536n);
  });

  it("removes all values of another set and passes over those it never had", () => {
    const set = new AddressSet();
    const other = new AddressSet();
    for (const value of [1n, 2n, 3n, 7n]) set.add(value);
    for (const value of [2n, 3n, 4n, 7n]) other.add(value);
    set.removeAll(other);
    assert.equal(set.rangeCount, 1);
    assert.ok(set.has(1n));
  });

  it("finds the lowest free address behind 20,000 scattered ones as fast as behind none", () => {
    const set = new AddressSet();
    for (let value = 0n; value < 40_000n; value += 2n) set.add(value);
    const startedMs = performance.now();
    for (let round = 0; round < 10_000; round++) assert.equal(set.lowestFree(39_998n, 50_000n), 39_999n);
    assert.ok(performance.now() - startedMs < 1000);
  });
});
