/** The faults in a network's pools, each with Docker's line. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseAddress, type IpAddress } from "../addr/ip-address.ts";
import { parsePrefix } from "../addr/prefix.ts";
import { poolFaults, validatePools, type PoolConfig } from "./validate.ts";

interface Texts {
  readonly subnet?: string;
  readonly range?: string;
  readonly gateway?: string;
  readonly auxiliary?: Readonly<Record<string, string>>;
}

function config({ subnet, range, gateway, auxiliary = {} }: Texts): PoolConfig {
  const addresses: [string, IpAddress][] = Object.entries(auxiliary).map(([name, text]) => [name, parseAddress(text)]);
  return {
    family: subnet?.includes(":") === true ? 6 : 4,
    ...(subnet === undefined ? {} : { subnet: parsePrefix(subnet) }),
    ...(range === undefined ? {} : { range: parsePrefix(range) }),
    ...(gateway === undefined ? {} : { gateway: parseAddress(gateway) }),
    auxiliary: Object.fromEntries(addresses),
  };
}

const CASES: readonly (readonly [name: string, pool: Texts, faults: readonly string[]])[] = [
  [
    "a sound pool has none",
    { subnet: "10.0.0.0/8", range: "10.1.0.0/16", gateway: "10.1.0.1", auxiliary: { a: "10.9.0.1" } },
    [],
  ],
  ["a subnet has host bits", { subnet: "10.10.10.0/8" }, ["invalid subnet 10.10.10.0/8: it should be 10.0.0.0/8"]],
  [
    "everything is of the other family",
    { subnet: "10.10.10.0/24", range: "2001:db8::/32", gateway: "2001:db8::1", auxiliary: { a: "2001:db8::1" } },
    [
      "invalid ip-range 2001:db8::/32: parent subnet is an IPv4 block",
      "invalid gateway 2001:db8::1: parent subnet is an IPv4 block",
      "invalid auxiliary address a: parent subnet is an IPv4 block",
    ],
  ],
  [
    "the range is larger than the subnet",
    { subnet: "10.10.10.0/24", range: "10.0.0.0/8" },
    ["invalid ip-range 10.0.0.0/8: CIDR block is bigger than its parent subnet 10.10.10.0/24"],
  ],
  [
    "everything lies elsewhere",
    { subnet: "10.0.0.0/8", range: "192.168.0.1/24", gateway: "192.168.0.1", auxiliary: { a: "192.168.0.1" } },
    [
      "invalid ip-range 192.168.0.1/24: it should be 192.168.0.0/24",
      "invalid ip-range 192.168.0.1/24: parent subnet 10.0.0.0/8 doesn't contain ip-range",
      "invalid gateway 192.168.0.1: parent subnet 10.0.0.0/8 doesn't contain this address",
      "invalid auxiliary address a: parent subnet 10.0.0.0/8 doesn't contain this address",
    ],
  ],
  ["there is no subnet", { gateway: "10.0.0.1" }, ["invalid subnet : invalid CIDR block notation"]],
];

describe("the faults of a pool when", () => {
  for (const [name, pool, faults] of CASES) {
    it(name, () => assert.deepEqual(poolFaults(config(pool), true), faults));
  }
});

it("all faults of all pools are told at once, as one invalid argument", () => {
  const pools = [config({ subnet: "10.1.1.1/8" }), config({ subnet: "fd00::1/64", gateway: "fd01::1" })];
  assert.throws(() => validatePools(pools, { enableIPv6: true }), {
    code: "invalid-argument",
    message: [
      "invalid network config:",
      "invalid subnet 10.1.1.1/8: it should be 10.0.0.0/8",
      "invalid subnet fd00::1/64: it should be fd00::/64",
      "invalid gateway fd01::1: parent subnet fd00::1/64 doesn't contain this address",
    ].join("\n"),
  });
});

it("IPv6 pools are passed over where IPv6 is not enabled", () => {
  validatePools([config({ subnet: "fd00::1/64" })], { enableIPv6: false });
});
