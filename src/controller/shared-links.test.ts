/** Links of the host that several networks stand on: made with the first, gone with the last, never taken from the user. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePrefix } from "../addr/prefix.ts";
import { createMacvlanDriver } from "../drivers/macvlan/macvlan-driver.ts";
import { HOST, type LinkFact } from "../kernel/facts.ts";
import type { NetworkSpec } from "./cnm.ts";
import { FakeParts } from "./testing/fake-parts.ts";

/** The user's own, which carries no mark of ours. */
const ETH1: LinkFact = { kind: "link", namespace: HOST, name: "eth1", device: { type: "unknown", kind: "" }, up: true };

function spec(name: string, parent: string, subnet: string): NetworkSpec {
  const pools = [{ family: 4, subnet: parsePrefix(subnet) } as const];
  return { name, driver: "macvlan", options: { parent }, ipam: { pools } };
}

async function withEth1(use: (parts: FakeParts) => Promise<void>): Promise<void> {
  await using parts = await FakeParts.create();
  parts.drivers = [createMacvlanDriver()];
  parts.kernel.meddle({ add: ETH1 });
  await use(parts);
}

const linksOf = (parts: FakeParts): readonly string[] =>
  parts.kernel.facts().flatMap((fact) => (fact.kind === "link" && fact.name.startsWith("eth1") ? [fact.name] : []));

test("VLAN 10 of a parent is there as long as a network stands on it, whichever was first", async () => {
  for (const [first, second] of [
    ["one", "two"],
    ["two", "one"],
  ] as const)
    await withEth1(async (parts) => {
      const controller = await parts.open();
      await controller.createNetwork(spec("one", "eth1.10", "10.1.0.0/24"));
      await controller.createNetwork(spec("two", "eth1.10", "10.2.0.0/24"));
      assert.deepEqual(linksOf(parts), ["eth1", "eth1.10"]);
      await controller.removeNetwork(first);
      assert.deepEqual(linksOf(parts), ["eth1", "eth1.10"]);
      const again = await parts.open();
      assert.deepEqual(linksOf(parts), ["eth1", "eth1.10"]);
      await again.removeNetwork(second);
      assert.deepEqual(linksOf(parts), ["eth1"]);
    });
});

test("a VLAN that the user made stays the user's", async () => {
  await withEth1(async (parts) => {
    const theirs: LinkFact = { ...ETH1, name: "eth1.20", device: { type: "vlan", parent: "eth1", id: 20 } };
    parts.kernel.meddle({ add: theirs });
    const controller = await parts.open();
    await controller.createNetwork(spec("one", "eth1.20", "10.1.0.0/24"));
    await controller.removeNetwork("one");
    assert.deepEqual(linksOf(parts), ["eth1", "eth1.20"]);
  });
});

test("a network whose parent is not there leaves nothing", async () => {
  await withEth1(async (parts) => {
    const controller = await parts.open();
    const before = parts.state();
    await assert.rejects(controller.createNetwork(spec("one", "eth9", "10.1.0.0/24")), {
      message: "invalid subinterface vlan name eth9, example formatting is eth0.10",
    });
    assert.deepEqual(parts.state(), before);
  });
});
