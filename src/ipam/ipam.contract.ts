/** What every IPAM driver promises (`ipam.ts`), whatever it leases. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseAddress } from "../addr/ip-address.ts";
import { formatPrefix, prefixContains } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";
import type { IpamDriver, PoolRequest } from "./ipam.ts";

/** `anyPool` is a request that the driver grants. */
export function ipamContract(create: () => IpamDriver, anyPool: PoolRequest): void {
  describe(`the IPAM driver "${create().name}"`, () => {
    it("grants a pool whose id stands for it", async () => {
      const ipam = create();
      const pool = await ipam.requestPool(anyPool);
      assert.notEqual(pool.id, "");
      assert.equal(pool.subnet.address.family, anyPool.family);
      assert.ok(pool.id.includes(formatPrefix(pool.subnet)), pool.id);
    });

    it("leases addresses inside the subnet and with its length, or none at all", async () => {
      const ipam = create();
      const pool = await ipam.requestPool(anyPool);
      for (const purpose of ["gateway", "endpoint", "auxiliary"] as const) {
        const lease = await ipam.requestAddress(pool.id, { purpose });
        if (lease === undefined) continue;
        assert.equal(lease.length, pool.subnet.length);
        assert.ok(prefixContains(pool.subnet, lease.address));
      }
    });

    it("accepts the release of an address that nobody leased", async () => {
      const ipam = create();
      const pool = await ipam.requestPool(anyPool);
      await ipam.releaseAddress(pool.id, parseAddress("172.17.0.99"));
      await ipam.releaseAddress(pool.id, parseAddress("fd00::99"));
    });

    it("grants the pool again after it was released, and accepts a second release", async () => {
      const ipam = create();
      const first = await ipam.requestPool(anyPool);
      await ipam.releasePool(first.id);
      await ipam.releasePool(first.id);
      assert.deepEqual(await ipam.requestPool(anyPool), first);
    });

    it("refuses a pool id that it never made", async () => {
      const ipam = create();
      const malformed = (error: unknown): boolean => error instanceof EngineError && error.code === "invalid-argument";
      for (const id of ["", "nonsense", "LocalDefault/", "LocalDefault/10.0.0.0", "OtherDefault/10.0.0.0/8"]) {
        await assert.rejects(ipam.requestAddress(id, { purpose: "endpoint" }), malformed);
        await assert.rejects(ipam.releaseAddress(id, parseAddress("10.0.0.1")), malformed);
        await assert.rejects(ipam.releasePool(id), malformed);
      }
    });
  });
}
