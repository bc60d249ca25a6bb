/** The built-in IPAM driver: Docker's choices, limits and sentences, as tables and properties. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { formatAddress, parseAddress } from "../addr/ip-address.ts";
import { formatPrefix, lastAddress, parsePrefix, prefixContains } from "../addr/prefix.ts";
import { createDefaultIpam } from "./default-ipam.ts";
import { ipamContract } from "./ipam.contract.ts";
import { NoAvailableAddresses } from "./ipam-errors.ts";
import type { AddressRequest, IpamDriver, PoolRequest } from "./ipam.ts";

const ANY: PoolRequest = { family: 4, addressSpace: "local", options: {}, reserved: [] };

interface Wish {
  readonly subnet?: string;
  readonly range?: string;
  readonly family?: 4 | 6;
  readonly addressSpace?: "local" | "global";
  readonly reserved?: readonly string[];
}

/** The granted pool's id. */
async function request(ipam: IpamDriver, { subnet, range, reserved = [], ...rest }: Wish = {}): Promise<string> {
  const prefixes = {
    ...(subnet === undefined ? {} : { subnet: parsePrefix(subnet) }),
    ...(range === undefined ? {} : { range: parsePrefix(range) }),
  };
  const pool = await ipam.requestPool({ ...ANY, ...rest, ...prefixes, reserved: reserved.map(parsePrefix) });
  return pool.id;
}

async function lease(ipam: IpamDriver, poolId: string, wanted?: string): Promise<string> {
  const purpose: AddressRequest = { purpose: "endpoint" };
  const granted = await ipam.requestAddress(
    poolId,
    wanted === undefined ? purpose : { ...purpose, address: parseAddress(wanted) },
  );
  assert.ok(granted !== undefined);
  return formatPrefix(granted);
}

ipamContract(() => createDefaultIpam(), ANY);
ipamContract(() => createDefaultIpam({ ulaSeed: "host" }), { ...ANY, family: 6 });

describe("a pool by choice", () => {
  it("is each of Docker's 31 local networks in turn, then an error", async () => {
    const ipam = createDefaultIpam();
    const granted: string[] = [];
    for (let index = 0; index < 31; index++) granted.push(await request(ipam));
    const sixteens = Array.from({ length: 15 }, (_, index) => `LocalDefault/172.${17 + index}.0.0/16`);
    const twenties = Array.from({ length: 16 }, (_, index) => `LocalDefault/192.168.${16 * index}.0/20`);
    assert.deepEqual(granted, [...sixteens, ...twenties]);
    await assert.rejects(request(ipam), {
      code: "invalid-argument",
      message: "all predefined address pools have been fully subnetted",
    });
  });

  it("is the lowest free one: a released pool is handed out again", async () => {
    const ipam = createDefaultIpam();
    const [first] = [await request(ipam), await request(ipam)];
    await ipam.releasePool(first);
    assert.equal(await request(ipam), first);
    assert.equal(await request(ipam), "LocalDefault/172.19.0.0/16");
  });

  it("avoids what is reserved and what others asked for by name", async () => {
    const ipam = createDefaultIpam();
    await request(ipam, { subnet: "172.18.5.0/24" });
    assert.equal(await request(ipam, { reserved: ["172.17.255.1/32"] }), "LocalDefault/172.19.0.0/16");
    assert.equal(await request(ipam, { reserved: ["172.0.0.0/8"] }), "LocalDefault/192.168.0.0/20");
  });

  it("comes from 10.0.0.0/8 in /24s for a cluster, whose space is its own", async () => {
    const ipam = createDefaultIpam();
    await request(ipam, { subnet: "10.0.0.0/8" });
    assert.equal(await request(ipam, { addressSpace: "global" }), "GlobalDefault/10.0.0.0/24");
    assert.equal(await request(ipam, { addressSpace: "global" }), "GlobalDefault/10.0.1.0/24");
  });

  it("comes from the configured pools in address order, without those inside another", async () => {
    const pools = ["10.20.0.0/16", "10.10.0.0/23", "10.10.1.0/24"].map((base) => ({
      base: parsePrefix(base),
      size: 24,
    }));
    const ipam = createDefaultIpam({ pools: { local: pools } });
    const granted = [await request(ipam), await request(ipam), await request(ipam)];
    assert.deepEqual(
      granted,
      ["10.10.0.0/24", "10.10.1.0/24", "10.20.0.0/24"].map((text) => `LocalDefault/${text}`),
    );
  });

  it("has the length asked for with an unspecified subnet", async () => {
    const ipam = createDefaultIpam({ ulaSeed: "host" });
    assert.equal(await request(ipam, { subnet: "0.0.0.0/24" }), "LocalDefault/172.17.0.0/24");
    assert.equal(await request(ipam, { subnet: "0.0.0.0/30" }), "LocalDefault/172.17.1.0/30");
    assert.match(await request(ipam, { subnet: "::/80", family: 6 }), /^LocalDefault\/fd.*::\/80$/);
    await assert.rejects(request(ipam, { subnet: "0.0.0.0/8" }), {
      code: "invalid-argument",
      message: "invalid address pool",
    });
  });

  it("is for IPv6 a /64 of the unique local /48 that the daemon's id gives", async () => {
    // printf host | sha256sum | cut -c7-16
    const ipam = createDefaultIpam({ ulaSeed: "host" });
    assert.equal(await request(ipam, { family: 6 }), "LocalDefault/fd63:47b0:172c::/64");
    assert.equal(await request(ipam, { family: 6 }), "LocalDefault/fd63:47b0:172c:1::/64");
    await assert.rejects(request(createDefaultIpam(), { family: 6 }), { message: "invalid address pool" });
  });

  it("cannot be cut from a pool smaller than its size", () => {
    const pools = { local: [{ base: parsePrefix("10.0.0.0/24"), size: 16 }] };
    assert.throws(() => createDefaultIpam({ pools }), { code: "invalid-argument" });
    assert.throws(() => createDefaultIpam({ pools: { local: [{ base: parsePrefix("10.0.0.0/24"), size: 33 }] } }));
  });
});

describe("a pool by name", () => {
  const overlap = {
    code: "forbidden",
    message: "invalid pool request: Pool overlaps with other one on this address space",
  };

  it("is refused when it overlaps another, in either direction", async () => {
    const ipam = createDefaultIpam();
    await request(ipam, { subnet: "172.28.0.0/16" });
    for (const subnet of ["172.28.0.0/16", "172.28.5.0/24", "172.16.0.0/12"]) {
      await assert.rejects(request(ipam, { subnet }), overlap);
    }
    assert.equal(await request(ipam, { subnet: "172.29.0.0/16" }), "LocalDefault/172.29.0.0/16");
  });

  it("may share its subnet with other ranges, not with the same range", async () => {
    const ipam = createDefaultIpam();
    const one = await request(ipam, { subnet: "172.28.0.0/16", range: "172.28.5.0/24" });
    assert.equal(one, "LocalDefault/172.28.0.0/16/172.28.5.0/24");
    const two = await request(ipam, { subnet: "172.28.0.0/16", range: "172.28.5.0/25" });
    await assert.rejects(request(ipam, { subnet: "172.28.0.0/16", range: "172.28.5.0/24" }), overlap);
    await assert.rejects(request(ipam, { subnet: "172.28.0.0/16" }), overlap);
    assert.equal(await lease(ipam, one), "172.28.5.0/16");
    assert.equal(await lease(ipam, two), "172.28.5.1/16");
    await ipam.releasePool(one);
    assert.equal(await lease(ipam, two), "172.28.5.0/16");
    await ipam.releasePool(two);
    assert.equal(await request(ipam, { subnet: "172.28.0.0/16" }), "LocalDefault/172.28.0.0/16");
  });

  it("loses its host bits, and a range larger than the subnet becomes the subnet", async () => {
    const ipam = createDefaultIpam();
    const wish = { subnet: "10.1.2.3/16", range: "10.1.2.3/24" };
    assert.equal(await request(ipam, wish), "LocalDefault/10.1.0.0/16/10.1.2.0/24");
    const large = { subnet: "10.2.0.0/16", range: "10.0.0.0/8" };
    assert.equal(await request(ipam, large), "LocalDefault/10.2.0.0/16/10.2.0.0/16");
  });

  it("is refused with a range of another place or family, or without the subnet of its range", async () => {
    const ipam = createDefaultIpam();
    const invalid = { code: "invalid-argument" };
    await assert.rejects(request(ipam, { subnet: "10.1.0.0/16", range: "10.2.0.0/24" }), invalid);
    await assert.rejects(request(ipam, { subnet: "10.1.0.0/16", range: "fd00::/64" }), invalid);
    await assert.rejects(request(ipam, { range: "10.2.0.0/24" }), invalid);
    await assert.rejects(request(ipam, { subnet: "0.0.0.0/24", range: "10.2.0.0/24" }), invalid);
    await assert.rejects(request(ipam, { subnet: "fd00::/64" }), invalid);
  });
});

describe("an address", () => {
  it("by choice is the lowest free one: gateway .1, then .2, and a released one comes back at once", async () => {
    const ipam = createDefaultIpam();
    const pool = await request(ipam);
    assert.deepEqual(
      [await lease(ipam, pool), await lease(ipam, pool), await lease(ipam, pool)],
      ["172.17.0.1/16", "172.17.0.2/16", "172.17.0.3/16"],
    );
    await ipam.releaseAddress(pool, parseAddress("172.17.0.2"));
    assert.equal(await lease(ipam, pool), "172.17.0.2/16");
    assert.equal(await lease(ipam, pool), "172.17.0.4/16");
  });

  it("by choice lies in the range, the range's first address included", async () => {
    const ipam = createDefaultIpam();
    const pool = await request(ipam, { subnet: "172.28.0.0/16", range: "172.28.5.0/30" });
    const leases = [];
    for (let index = 0; index < 4; index++) leases.push(await lease(ipam, pool));
    assert.deepEqual(leases, ["172.28.5.0/16", "172.28.5.1/16", "172.28.5.2/16", "172.28.5.3/16"]);
    await assert.rejects(lease(ipam, pool), NoAvailableAddresses);
    assert.equal(await lease(ipam, pool, "172.28.9.9"), "172.28.9.9/16");
  });

  it("by choice passes over a static one", async () => {
    const ipam = createDefaultIpam();
    const pool = await request(ipam, { subnet: "10.1.0.0/24" });
    await lease(ipam, pool, "10.1.0.2");
    assert.deepEqual([await lease(ipam, pool), await lease(ipam, pool)], ["10.1.0.1/24", "10.1.0.3/24"]);
  });

  it("by name is refused when it is leased, the network's own or its broadcast", async () => {
    const ipam = createDefaultIpam();
    const pool = await request(ipam, { subnet: "10.1.0.0/24" });
    await lease(ipam, pool, "10.1.0.9");
    for (const taken of ["10.1.0.9", "10.1.0.0", "10.1.0.255"]) {
      await assert.rejects(lease(ipam, pool, taken), { code: "forbidden", message: "Address already in use" });
      if (taken !== "10.1.0.9") await ipam.releaseAddress(pool, parseAddress(taken));
    }
    await assert.rejects(lease(ipam, pool, "10.1.0.255"), { message: "Address already in use" });
    await assert.rejects(lease(ipam, pool, "10.1.1.1"), { code: "invalid-argument" });
    await assert.rejects(lease(ipam, pool, "fd00::1"), { code: "invalid-argument" });
  });

  const capacities: readonly (readonly [subnet: string, addresses: readonly string[]])[] = [
    ["10.1.0.0/30", ["10.1.0.1", "10.1.0.2"]],
    ["10.1.0.0/31", ["10.1.0.0", "10.1.0.1"]],
    ["10.1.0.7/32", ["10.1.0.7"]],
    ["fd00::/126", ["fd00::1", "fd00::2", "fd00::3"]],
    ["fd00::/127", ["fd00::1"]],
    ["fd00::/128", []],
  ];
  for (const [subnet, addresses] of capacities) {
    it(`of ${subnet} is one of ${addresses.length}, then the pool is exhausted`, async () => {
      const ipam = createDefaultIpam();
      const family = parsePrefix(subnet).address.family;
      const pool = await request(ipam, { subnet, family });
      for (const address of addresses) assert.equal(await lease(ipam, pool), `${address}/${subnet.split("/")[1]}`);
      await assert.rejects(
        lease(ipam, pool),
        (error) => error instanceof NoAvailableAddresses && error.code === "internal",
      );
    });
  }

  it("is not to be had from a pool that is gone, whose leases went with it", async () => {
    const ipam = createDefaultIpam();
    const pool = await request(ipam, { subnet: "10.1.0.0/24" });
    await lease(ipam, pool);
    await ipam.releasePool(pool);
    await assert.rejects(lease(ipam, pool), {
      code: "not-found",
      message: `cannot find address pool for poolID:${pool}`,
    });
    await ipam.releaseAddress(pool, parseAddress("10.1.0.1"));
    await request(ipam, { subnet: "10.1.0.0/24" });
    assert.equal(await lease(ipam, pool), "10.1.0.1/24");
  });

  it("costs the same in a /8 and in a /48", async () => {
    const ipam = createDefaultIpam();
    const pools = [
      await request(ipam, { subnet: "10.0.0.0/8" }),
      await request(ipam, { subnet: "fd00::/48", family: 6 }),
    ];
    const startedMs = performance.now();
    for (const pool of pools) for (let index = 0; index < 20_000; index++) await lease(ipam, pool);
    assert.ok(performance.now() - startedMs < 3000);
    assert.equal(await lease(ipam, pools[0] ?? ""), "10.0.78.33/8");
  });
});

describe("any sequence of leases and releases", () => {
  const step = fc.oneof(
    fc.constant({ kind: "choose" } as const),
    fc.record({ kind: fc.constant("take" as const), offset: fc.bigInt({ min: 0n, max: 31n }) }),
    fc.record({ kind: fc.constant("release" as const), offset: fc.bigInt({ min: 0n, max: 31n }) }),
  );
  const place = fc.constantFrom(
    { subnet: "10.0.0.0/27" },
    { subnet: "10.0.0.0/27", range: "10.0.0.8/29" },
    { subnet: "fd00::/123", family: 6 as const },
  );

  it("never leases an address twice, nor one outside, nor the network's own, and always the lowest", async () => {
    await fc.assert(
      fc.asyncProperty(place, fc.array(step, { maxLength: 80 }), async (wish, steps) => {
        const ipam = createDefaultIpam();
        const pool = await request(ipam, wish);
        const subnet = parsePrefix(wish.subnet);
        const range = parsePrefix(wish.range ?? wish.subnet);
        const { family, value: base } = subnet.address;
        const forbidden = family === 4 ? [base, lastAddress(subnet).value] : [base];
        const held = new Set<bigint>();
        const free = (value: bigint): boolean => !held.has(value) && !forbidden.includes(value);
        for (const step of steps) {
          if (step.kind === "release") {
            await ipam.releaseAddress(pool, { family, value: base + step.offset });
            held.delete(base + step.offset);
            continue;
          }
          const address = step.kind === "take" ? { address: { family, value: base + step.offset } } : {};
          const granted = await ipam.requestAddress(pool, { purpose: "endpoint", ...address }).catch(() => undefined);
          const candidates = Array.from({ length: 32 }, (_, index) => base + BigInt(index)).filter(free);
          const expected =
            step.kind === "take"
              ? candidates.find((value) => value === base + step.offset)
              : candidates.find((value) => prefixContains(range, { family, value }));
          assert.equal(granted?.address.value, expected, granted && formatAddress(granted.address));
          if (expected !== undefined) held.add(expected);
        }
      }),
      { numRuns: 200 },
    );
  });
});
