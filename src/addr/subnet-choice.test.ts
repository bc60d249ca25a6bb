/** The automatic choice against a search that tries every subnet in turn. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { formatPrefix, networkOf, parsePrefix, prefixesOverlap, prefixSize, type Prefix } from "./prefix.ts";
import { chooseSubnet, type SplitPool } from "./subnet-choice.ts";

function everySubnet({ base, size }: SplitPool): Prefix[] {
  const step = prefixSize({ ...base, length: size });
  const count = Number(prefixSize(base) / step);
  return Array.from({ length: count }, (_, index) => ({
    address: { ...base.address, value: base.address.value + BigInt(index) * step },
    length: size,
  }));
}

/** Obstacles in and around 10.0.0.0/22 and 10.0.8.0/22, of all sizes. */
const obstacle = fc
  .record({ offset: fc.bigInt({ min: 0n, max: 4095n }), length: fc.integer({ min: 20, max: 32 }) })
  .map(({ offset, length }) => networkOf({ address: { family: 4, value: 0x0a000000n + offset }, length }));

const POOLS: readonly SplitPool[] = [
  { base: parsePrefix("10.0.0.0/22"), size: 26 },
  { base: parsePrefix("10.0.8.0/22"), size: 24 },
];

describe("the choice of a subnet", () => {
  it("is the first subnet of the pools that overlaps nothing", () => {
    fc.assert(
      fc.property(fc.array(obstacle, { maxLength: 12 }), (taken) => {
        const expected = POOLS.flatMap(everySubnet).find(
          (subnet) => !taken.some((other) => prefixesOverlap(other, subnet)),
        );
        assert.deepEqual(chooseSubnet(POOLS, taken), expected);
      }),
      { numRuns: 500 },
    );
  });

  it("is none when one obstacle spans everything", () => {
    assert.equal(chooseSubnet(POOLS, [parsePrefix("0.0.0.0/0")]), undefined);
  });

  it("does not care about obstacles of the other family", () => {
    assert.deepEqual(chooseSubnet(POOLS, [parsePrefix("::/0")]), parsePrefix("10.0.0.0/26"));
  });

  it("takes obstacles with host bits for the networks that they are in", () => {
    assert.deepEqual(chooseSubnet(POOLS, [parsePrefix("10.0.0.70/25")]), parsePrefix("10.0.0.128/26"));
  });

  it("passes 5,000 /24s of a /8 without trying each", () => {
    const taken = Array.from({ length: 5000 }, (_, index) => parsePrefix(`10.${index >> 8}.${index & 255}.0/24`));
    const startedMs = performance.now();
    const chosen = chooseSubnet([{ base: parsePrefix("10.0.0.0/8"), size: 24 }], taken);
    assert.equal(chosen && formatPrefix(chosen), "10.19.136.0/24");
    assert.ok(performance.now() - startedMs < 500);
  });
});
