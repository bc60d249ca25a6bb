/** Three hosts lease 300 addresses at once while etcd's leader is killed twice; `bench/address-allocation.ts` does it with 3,000. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { missingStore } from "../support/cluster-servers.ts";
import { allocate } from "./allocation.ts";

const PER_HOST = 100;

test("no address is given out twice and none is lost, say the kernels", { skip: missingStore("etcd") }, async () => {
  const { addresses, leadersKilled } = await allocate(PER_HOST, 90_000);
  assert.equal(leadersKilled, 2);
  assert.equal(addresses.length, 3 * PER_HOST);
  assert.equal(new Set(addresses).size, 3 * PER_HOST);
  assert.ok(addresses.every((address) => address.startsWith("10.64.")));
});
