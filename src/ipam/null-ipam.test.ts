/** The null IPAM driver keeps the contract and never has an address. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { parsePrefix } from "../addr/prefix.ts";
import type { PoolRequest } from "./ipam.ts";
import { ipamContract } from "./ipam.contract.ts";
import { createNullIpam } from "./null-ipam.ts";

const IPV4: PoolRequest = { family: 4, addressSpace: "local", options: {}, reserved: [] };

ipamContract(createNullIpam, IPV4);
ipamContract(createNullIpam, { ...IPV4, family: 6 });

it("a null pool spans its family and leases nothing", async () => {
  const ipam = createNullIpam();
  assert.deepEqual(await ipam.requestPool(IPV4), { id: "null/0.0.0.0/0", subnet: parsePrefix("0.0.0.0/0") });
  assert.deepEqual(await ipam.requestPool({ ...IPV4, family: 6 }), { id: "null/::/0", subnet: parsePrefix("::/0") });
  assert.equal(await ipam.requestAddress("null/0.0.0.0/0", { purpose: "endpoint" }), undefined);
});

it("the null driver refuses to be told a subnet or a range", async () => {
  const ipam = createNullIpam();
  await assert.rejects(ipam.requestPool({ ...IPV4, subnet: parsePrefix("10.0.0.0/8") }), {
    code: "invalid-argument",
    message: "null ipam driver does not handle specific address pool requests",
  });
  await assert.rejects(ipam.requestPool({ ...IPV4, range: parsePrefix("10.0.0.0/8") }), {
    message: "null ipam driver does not handle specific address subpool requests",
  });
});
