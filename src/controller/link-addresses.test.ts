/** Networks over a link that the user made: its addresses are taken over, and it outlives the network as it was. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAddress } from "../addr/ip-address.ts";
import { formatPrefix, parsePrefix } from "../addr/prefix.ts";
import { HOST } from "../kernel/facts.ts";
import type { PoolSpec } from "./cnm.ts";
import { FakeParts } from "./testing/fake-parts.ts";

const NAME = "com.docker.network.bridge.name";

async function withBr0(...addresses: string[]): Promise<FakeParts> {
  const parts = await FakeParts.create();
  parts.kernel.meddle({
    add: { kind: "link", namespace: HOST, name: "br0", device: { type: "bridge" }, up: true, alias: "of the user" },
  });
  for (const address of addresses)
    parts.kernel.meddle({ add: { kind: "address", namespace: HOST, link: "br0", address: parsePrefix(address) } });
  return parts;
}

async function poolsOf(parts: FakeParts, pools: readonly PoolSpec[] = [], enableIPv6 = false): Promise<string[]> {
  const controller = await parts.open();
  const spec = { name: "lan", options: { [NAME]: "br0" }, enableIPv6, ipam: { pools } };
  const network = await controller.createNetwork(spec);
  return network.pools.map(
    ({ subnet, gateway }) =>
      `${subnet === undefined ? "?" : formatPrefix(subnet)} ${gateway === undefined ? "?" : formatAddress(gateway)}`,
  );
}

test("subnet and gateway are those of the link, link-local addresses aside", async () => {
  await using parts = await withBr0("169.254.1.1/32", "18.18.0.1/16", "fe80::1/64", "fd00:18::1/64");
  assert.deepEqual(await poolsOf(parts, [], true), ["18.18.0.0/16 18.18.0.1", "fd00:18::/64 fd00:18::1"]);
});

test("the link's address in the subnet that was asked for is the gateway", async () => {
  await using parts = await withBr0("10.0.0.1/24", "18.18.0.254/16");
  assert.deepEqual(await poolsOf(parts, [{ family: 4, subnet: parsePrefix("18.18.0.0/16") }]), [
    "18.18.0.0/16 18.18.0.254",
  ]);
});

test("a link without addresses gets those that IPAM chooses", async () => {
  await using parts = await withBr0();
  assert.deepEqual(await poolsOf(parts), ["172.18.0.0/16 172.18.0.1"]);
});

test("when the network goes, the link, its alias and its address are there as before", async () => {
  await using parts = await withBr0("18.18.0.1/16");
  await poolsOf(parts);
  const controller = await parts.open();
  await controller.removeNetwork("lan");
  const left = parts.kernel.facts();
  const link = left.find((fact) => fact.kind === "link" && fact.name === "br0");
  assert.equal(link?.kind === "link" ? link.alias : undefined, "of the user");
  assert.ok(left.some((fact) => fact.kind === "address" && formatPrefix(fact.address) === "18.18.0.1/16"));
});
