/** The IPAM driver "default" of a host in a cluster: which space is whose, and that both keep the driver's promises. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { formatAddress, parseAddress } from "../../addr/ip-address.ts";
import { formatPrefix, parsePrefix } from "../../addr/prefix.ts";
import { EngineError } from "../../base/errors.ts";
import { TestCluster, type TestHost } from "../../cluster/hosts.fixture.ts";
import { createDefaultIpam } from "../../ipam/default-ipam.ts";
import { NoAvailableAddresses } from "../../ipam/ipam-errors.ts";
import type { IpamDriver, PoolRequest } from "../../ipam/ipam.ts";
import { ipamContract } from "../../ipam/ipam.contract.ts";
import { withClusterSpace } from "./cluster-ipam.ts";

const GLOBAL: PoolRequest = { family: 4, addressSpace: "global", options: {}, reserved: [] };

function ipamOf(host: TestHost): IpamDriver {
  return withClusterSpace(createDefaultIpam(), host.cluster);
}

const anyHost = await new TestCluster().host();
after(async () => anyHost[Symbol.asyncDispose]());
ipamContract(() => ipamOf(anyHost), GLOBAL);

describe("the IPAM driver of a host in a cluster", () => {
  it("has other hosts' pools in the global space only", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const [first, second] = [ipamOf(a), ipamOf(b)];
    assert.equal((await first.requestPool(GLOBAL)).id, "GlobalDefault/10.0.0.0/24");
    assert.equal((await second.requestPool(GLOBAL)).id, "GlobalDefault/10.0.1.0/24");
    for (const ipam of [first, second]) {
      assert.equal((await ipam.requestPool({ ...GLOBAL, addressSpace: "local" })).id, "LocalDefault/172.17.0.0/16");
    }
  });

  it("gives no address to two endpoints, and to one again when it says so", async () => {
    await using host = await new TestCluster().host();
    const ipam = ipamOf(host);
    const { id } = await ipam.requestPool(GLOBAL);
    const gateway = await ipam.requestAddress(id, { purpose: "gateway" });
    assert.equal(gateway && formatPrefix(gateway), "10.0.0.1/24");
    const address = parseAddress("10.0.0.9");
    await ipam.requestAddress(id, { purpose: "endpoint", address });
    const inUse = (error: unknown): boolean => error instanceof EngineError && error.code === "forbidden";
    await assert.rejects(ipam.requestAddress(id, { purpose: "endpoint", address }), inUse);
    const before = host.store.requests;
    const again = await ipam.requestAddress(id, { purpose: "endpoint", address, again: true });
    assert.equal(again && formatAddress(again.address), "10.0.0.9");
    assert.equal(host.store.requests, before);
    await ipam.releaseAddress(id, address);
    await ipam.requestAddress(id, { purpose: "endpoint", address });
  });

  it("says that a pool is full as every IPAM driver does", async () => {
    await using host = await new TestCluster().host();
    const ipam = ipamOf(host);
    const { id } = await ipam.requestPool({ ...GLOBAL, subnet: parsePrefix("10.9.0.0/30") });
    await ipam.requestAddress(id, { purpose: "endpoint" });
    await ipam.requestAddress(id, { purpose: "endpoint" });
    await assert.rejects(ipam.requestAddress(id, { purpose: "endpoint" }), NoAvailableAddresses);
  });
});
