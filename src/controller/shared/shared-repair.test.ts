/** Repair inside the namespaces of networks that span hosts, under fakes: what is taken away comes back, what is added goes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../../../test/support/wait.ts";
import { parseAddress } from "../../addr/ip-address.ts";
import { parseMac } from "../../addr/mac-address.ts";
import { HOST, MARK, type KernelFact, type LinkFact, type NamespaceRef } from "../../kernel/facts.ts";
import { FakeHosts, type FakeHost } from "../testing/fake-hosts.ts";

function sorted(facts: readonly KernelFact[]): readonly string[] {
  return facts
    .map((fact) => JSON.stringify(fact, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)))
    .sort();
}

/** c1 on the first host, c2 on the second, which the first knows the way to. */
async function shop(): Promise<{ readonly all: FakeHosts; readonly host: FakeHost; readonly namespace: NamespaceRef }> {
  const all = await FakeHosts.open(2);
  const [host, other] = [all.host(1), all.host(2)];
  await host.controller.createNetwork({ name: "shop", driver: "overlay" });
  await until("shop is there", () => other.controller.networks().some(({ name }) => name === "shop"));
  await host.controller.createSandbox(host.parts.spec("c1", "shop"));
  await other.controller.createSandbox(other.parts.spec("c2", "shop"));
  await until("the way is known", () => host.parts.kernel.facts().some(({ kind }) => kind === "forwarding"));
  const vxlan = host.parts.kernel.facts().find((fact) => fact.kind === "link" && fact.device.type === "vxlan");
  assert.ok(vxlan?.kind === "link");
  return { all, host, namespace: vxlan.namespace };
}

test("each fact of a network's namespace that somebody takes away is put back, the namespace itself too", async () => {
  const { all, host, namespace } = await shop();
  await using _ = all;
  const { kernel } = host.parts;
  const before = kernel.facts();
  const inside = before.filter((fact) => (fact.kind === "namespace" ? fact.path : fact.namespace) === namespace);
  assert.ok(inside.length >= 7, sorted(inside).join("\n"));
  for (const fact of inside) {
    kernel.meddle({ remove: fact });
    await host.controller.repair();
    assert.deepEqual(sorted(kernel.facts()), sorted(before), JSON.stringify(fact.kind));
    assert.equal(await host.controller.repair(), 0);
  }
});

test("entries and links that somebody adds are taken away, others' links stay, and all of it is counted", async () => {
  const { all, host, namespace } = await shop();
  await using _ = all;
  const { kernel } = host.parts;
  const before = kernel.facts();
  const [mac, address] = [parseMac("02:00:00:00:00:66"), parseAddress("10.0.0.66")];
  const on = { namespace, link: "vxlan0" };
  const foreign: LinkFact = { kind: "link", namespace, name: "dummy0", device: { type: "bridge" }, up: true };
  kernel.meddle({ add: foreign });
  const marked: LinkFact = { ...foreign, name: "veth0000000", alias: `${MARK}nobody` };
  kernel.meddle({ add: { kind: "neighbour", ...on, address, mac } });
  kernel.meddle({ add: { kind: "forwarding", ...on, mac, destination: parseAddress("192.0.2.66") } });
  kernel.meddle({ add: marked });
  await host.controller.repair();
  await host.controller.repair();
  assert.deepEqual(sorted(kernel.facts()), sorted([...before, foreign]));
  const { neighbour, forwarding, link } = host.controller.drift();
  assert.deepEqual({ neighbour, forwarding, link }, { neighbour: 1, forwarding: 1, link: 1 });
});

test("a change of peers that is underway is no drift", async () => {
  const { all, host } = await shop();
  await using _ = all;
  const other = all.host(2);
  const joined = other.controller.createSandbox(other.parts.spec("c3", "shop"));
  const repairs = Array.from({ length: 20 }, () => host.controller.repair());
  assert.deepEqual(new Set(await Promise.all(repairs)), new Set([0]));
  await joined;
  await until(
    "both are known",
    () => host.parts.kernel.facts().filter(({ kind }) => kind === "forwarding").length === 2,
  );
  assert.equal(await host.controller.repair(), 0);
  assert.deepEqual(
    Object.values(host.controller.drift()).filter((count) => count > 0),
    [],
  );
});

test("when the last endpoint leaves nothing of the network is looked after, and nothing comes back", async () => {
  const { all, host, namespace } = await shop();
  await using _ = all;
  const [sandbox] = host.controller.sandboxes();
  await host.controller.removeSandbox(sandbox?.id ?? "");
  assert.equal(await host.controller.repair(), 0);
  const left = host.parts.kernel.facts().filter((fact) => fact.kind === "namespace" || fact.namespace !== HOST);
  assert.deepEqual(left, [], namespace);
});
