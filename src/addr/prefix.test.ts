/** Prefixes: text, bounds and how two of them lie to each other; Node's `net.BlockList` is the judge of containment. */
import assert from "node:assert/strict";
import { BlockList } from "node:net";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { familyBits, formatAddress, parseAddress, type IpAddress } from "./ip-address.ts";
import {
  comparePrefixes,
  formatPrefix,
  lastAddress,
  networkOf,
  parsePrefix,
  prefixContains,
  prefixesOverlap,
  prefixSize,
  prefixSpans,
  samePrefix,
  tryParsePrefix,
  type Prefix,
} from "./prefix.ts";

const anyAddress: fc.Arbitrary<IpAddress> = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((value) => ({ family: 4, value }) as const),
  fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((value) => ({ family: 6, value }) as const),
);
const anyPrefix: fc.Arbitrary<Prefix> = anyAddress.chain((address) =>
  fc.integer({ min: 0, max: familyBits(address.family) }).map((length) => ({ address, length })),
);
/** Two prefixes of few bits, so that they often have to do with each other. */
const nearPrefix: fc.Arbitrary<Prefix> = fc
  .record({ value: fc.bigInt({ min: 0n, max: 63n }), length: fc.integer({ min: 25, max: 32 }) })
  .map(({ value, length }) => ({ address: { family: 4, value }, length }));

function addressesOf(prefix: Prefix): Set<bigint> {
  const first = networkOf(prefix).address.value;
  return new Set(Array.from({ length: Number(prefixSize(prefix)) }, (_, index) => first + BigInt(index)));
}

describe("prefix text", () => {
  it("keeps host bits and survives printing", () => {
    assert.equal(formatPrefix(parsePrefix("172.18.0.2/16")), "172.18.0.2/16");
    fc.assert(fc.property(anyPrefix, (prefix) => samePrefix(parsePrefix(formatPrefix(prefix)), prefix)));
  });

  for (const text of [
    "",
    "10.0.0.0",
    "10.0.0.0/",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/-1",
    "10.0.0/8",
    "/8",
    "10.0.0.0/8/8",
    "10.0.0.0/ 8",
    "10.0.0.0/1e1",
  ]) {
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.equal(tryParsePrefix(text), undefined);
      assert.throws(() => parsePrefix(text), SyntaxError);
    });
  }
});

describe("a prefix", () => {
  const bounds: readonly (readonly [text: string, network: string, last: string, size: bigint])[] = [
    ["172.18.0.2/16", "172.18.0.0/16", "172.18.255.255", 65_536n],
    ["10.1.2.3/0", "0.0.0.0/0", "255.255.255.255", 2n ** 32n],
    ["10.1.2.3/31", "10.1.2.2/31", "10.1.2.3", 2n],
    ["10.1.2.3/32", "10.1.2.3/32", "10.1.2.3", 1n],
    ["fd00:1:2::3/64", "fd00:1:2::/64", "fd00:1:2:0:ffff:ffff:ffff:ffff", 2n ** 64n],
    ["fd00::/0", "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 2n ** 128n],
  ];
  for (const [text, network, last, size] of bounds) {
    it(`${text} is in ${network}, which ends at ${last}`, () => {
      const prefix = parsePrefix(text);
      assert.equal(formatPrefix(networkOf(prefix)), network);
      assert.equal(formatAddress(lastAddress(prefix)), last);
      assert.equal(prefixSize(prefix), size);
    });
  }

  it("contains the addresses that Node's block list finds in it", () => {
    fc.assert(
      fc.property(anyPrefix, anyAddress, fc.boolean(), (prefix, other, near) => {
        const value = near ? networkOf(prefix).address.value + (other.value % prefixSize(prefix)) : other.value;
        const address: IpAddress = near ? { family: prefix.address.family, value } : other;
        const judge = new BlockList();
        const kind = (family: 4 | 6): "ipv4" | "ipv6" => (family === 4 ? "ipv4" : "ipv6");
        judge.addSubnet(formatAddress(networkOf(prefix).address), prefix.length, kind(prefix.address.family));
        // the block list lets IPv4 and IPv4-mapped addresses stand for each other
        fc.pre(address.family === prefix.address.family && address.value >> 32n !== 0xffffn);
        assert.equal(prefixContains(prefix, address), judge.check(formatAddress(address), kind(address.family)));
      }),
    );
  });

  it("overlaps and spans another as their sets of addresses do", () => {
    fc.assert(
      fc.property(nearPrefix, nearPrefix, (a, b) => {
        const [left, right] = [addressesOf(a), addressesOf(b)];
        assert.equal(prefixesOverlap(a, b), !left.isDisjointFrom(right));
        assert.equal(prefixesOverlap(b, a), prefixesOverlap(a, b));
        assert.equal(prefixSpans(a, b), left.isSupersetOf(right));
      }),
    );
  });

  it("has nothing to do with the other family", () => {
    const [all4, all6] = [parsePrefix("0.0.0.0/0"), parsePrefix("::/0")];
    assert.ok(!prefixesOverlap(all4, all6) && !prefixesOverlap(all6, all4) && !prefixSpans(all4, all6));
    assert.ok(!prefixContains(all6, parseAddress("10.0.0.1")));
  });

  it("sorts by address, then the shorter first", () => {
    const sorted = ["fd00::/8", "10.0.0.0/16", "10.0.0.0/8", "9.0.0.0/8"].map(parsePrefix).sort(comparePrefixes);
    assert.deepEqual(sorted.map(formatPrefix), ["9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/16", "fd00::/8"]);
  });
});
