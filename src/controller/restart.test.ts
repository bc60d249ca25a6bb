/** A controller opened again over what an earlier one left: a restart is a difference, and nothing where nothing changed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../addr/ip-address.ts";
import { formatPrefix, parsePrefix } from "../addr/prefix.ts";
import { HOST, MARK, type LinkFact } from "../kernel/facts.ts";
import type { SandboxView } from "./cnm.ts";
import type { Controller } from "./controller.ts";
import type { DefaultBridgeSettings } from "./options.ts";
import { FakeParts } from "./testing/fake-parts.ts";

async function populated(parts: FakeParts): Promise<{ controller: Controller; c1: SandboxView }> {
  const controller = await parts.open();
  await controller.createNetwork({ name: "backend", enableIPv6: true, labels: { a: "b" } });
  await controller.createNetwork({ name: "conf", configOnly: true });
  const c1 = await controller.createSandbox(parts.spec("c1", "backend", "bridge"));
  return { controller, c1 };
}

function bridgeSettings(parts: FakeParts, change: Partial<DefaultBridgeSettings>): void {
  const { defaultBridge } = parts.settings;
  assert.ok(defaultBridge !== undefined);
  parts.settings = { ...parts.settings, defaultBridge: { ...defaultBridge, ...change } };
}

test("a restart where nothing changed applies no step and no rule and knows everything", async () => {
  await using parts = await FakeParts.create();
  const { controller, c1 } = await populated(parts);
  const [networks, facts] = [controller.networks(), parts.kernel.facts()];
  const reopened = await parts.open();
  assert.equal(reopened.startReport.steps, 0);
  assert.deepEqual(reopened.networks(), networks);
  assert.deepEqual(reopened.findSandbox(c1.id), c1);
  assert.deepEqual(parts.kernel.facts(), facts);
  assert.deepEqual(parts.messages, []);
  assert.equal(parts.dns.served.size, 1);
  assert.deepEqual(reopened.startReport.rules, { added: 0, removed: 0 });
});

test("addresses leased before a restart are not given out again after it", async () => {
  await using parts = await FakeParts.create();
  const { c1 } = await populated(parts);
  const reopened = await parts.open();
  const c2 = await reopened.createSandbox(parts.spec("c2", "backend"));
  const taken = c1.endpoints.flatMap(({ endpoint }) => endpoint.addresses.map(formatPrefix));
  const fresh = c2.endpoints.flatMap(({ endpoint }) => endpoint.addresses.map(formatPrefix));
  assert.equal(taken.filter((address) => fresh.includes(address)).length, 0);
  await reopened.removeSandbox(c1.id);
  await reopened.removeSandbox(c2.id);
  await reopened.removeNetwork("backend");
});

test("after a reboot networks are made again and sandboxes are gone with their leases", async () => {
  await using parts = await FakeParts.create();
  const { c1 } = await populated(parts);
  for (const fact of parts.kernel.facts()) parts.kernel.meddle({ remove: fact });
  const reopened = await parts.open();
  assert.equal(reopened.findSandbox(c1.id), undefined);
  const bridges = parts.kernel.facts().filter((fact) => fact.kind === "link" && fact.device.type === "bridge");
  assert.equal(bridges.length, 2);
  const again = await reopened.createSandbox(parts.spec("c1", "backend", "bridge"));
  assert.deepEqual(
    again.endpoints.map(({ endpoint }) => endpoint.addresses),
    c1.endpoints.map(({ endpoint }) => endpoint.addresses),
  );
});

test("a record that cannot be read is kept, said by name, and what the kernel has of it is left in peace", async () => {
  await using parts = await FakeParts.create();
  const { controller } = await populated(parts);
  const { id } = controller.findNetwork("backend");
  const stored = parts.store.get("networks", id)?.value;
  assert.ok(typeof stored === "object" && stored !== null && !Array.isArray(stored));
  const bad = { ...Object.fromEntries(Object.entries(stored)), pools: "all of them" };
  parts.store.commit([{ put: "networks", id, value: bad }]);
  const facts = parts.kernel.facts();
  const reopened = await parts.open();
  assert.throws(() => reopened.findNetwork("backend"), { code: "not-found" });
  assert.match(parts.messages.join("\n"), new RegExp(`network ${id}\\.pools: expected a list, found "all of them"`));
  assert.deepEqual(parts.store.get("networks", id)?.value, bad);
  const links = (all: typeof facts) => all.filter(({ kind }) => kind === "link").length;
  assert.equal(links(parts.kernel.facts()), links(facts));
  assert.equal(await reopened.repair(), 0);
});

test("hostile store contents never keep the daemon from starting", async () => {
  await using parts = await FakeParts.create();
  await populated(parts);
  const hostile = [null, true, 7, "x", [], {}, { id: "h" }, { id: "h", phase: "live", name: 5 }];
  for (const [index, value] of hostile.entries()) {
    for (const collection of ["networks", "endpoints", "sandboxes"]) {
      parts.store.commit([{ put: collection, id: `h${index}`, value }]);
    }
  }
  const reopened = await parts.open();
  assert.equal(reopened.startReport.steps, 0);
  assert.equal(parts.messages.length, hostile.length * 3);
});

test("a removal cut short by a crash is finished at the next start", async () => {
  await using parts = await FakeParts.create();
  const { controller, c1 } = await populated(parts);
  await controller.createNetwork({ name: "doomed" });
  parts.kernel.failAtStep(1);
  await assert.rejects(controller.removeNetwork("doomed"), /remove it again/);
  parts.kernel.failAtStep(1);
  await assert.rejects(controller.removeSandbox(c1.id));
  const reopened = await parts.open();
  assert.throws(() => reopened.findNetwork("doomed"), { code: "not-found" });
  assert.equal(reopened.findSandbox(c1.id), undefined);
  const veths = parts.kernel.facts().filter((fact) => fact.kind === "link" && fact.device.type === "veth");
  assert.deepEqual(veths, []);
  assert.deepEqual([parts.store.list("endpoints"), parts.store.list("sandboxes")], [[], []]);
});

test("what carries our mark and nobody intends is swept, what does not is left", async () => {
  await using parts = await FakeParts.create();
  await populated(parts);
  const link = (name: string, alias?: string): LinkFact => ({
    kind: "link",
    namespace: HOST,
    name,
    device: { type: "bridge" },
    up: true,
    ...(alias === undefined ? {} : { alias }),
  });
  parts.kernel.meddle({ add: link("br-stray", `${MARK}nobody`) });
  parts.kernel.meddle({ add: link("br-foreign") });
  await parts.open();
  const names = parts.kernel.facts().flatMap((fact) => (fact.kind === "link" ? [fact.name] : []));
  assert.deepEqual([names.includes("br-stray"), names.includes("br-foreign")], [false, true]);
});

test("--bip changes docker0 in place while nobody is on it, and is refused by name while somebody is", async () => {
  await using parts = await FakeParts.create();
  const { controller, c1 } = await populated(parts);
  const { id } = controller.findNetwork("bridge");
  const before = parts.settings;
  bridgeSettings(parts, { bip: parsePrefix("10.200.0.1/24") });
  await assert.rejects(parts.open(), {
    code: "conflict",
    message: /^default bridge: cannot give it another subnet while c1 is connected to it; stop its containers first/,
  });
  parts.settings = before;
  await (await parts.open()).removeSandbox(c1.id);
  bridgeSettings(parts, { bip: parsePrefix("10.200.0.1/24"), defaultGateway: parseAddress("10.200.0.254") });
  const reopened = await parts.open();
  assert.equal(reopened.findNetwork("bridge").id, id);
  const addresses = parts.kernel.facts().flatMap((fact) => {
    return fact.kind === "address" && fact.link === "docker0" ? [formatPrefix(fact.address)] : [];
  });
  assert.deepEqual(addresses, ["10.200.0.1/24"]);
  const view = await reopened.createSandbox(parts.spec("c2", "bridge"));
  assert.deepEqual(view.endpoints[0]?.gateways, [parseAddress("10.200.0.254")]);
  assert.equal((await parts.open()).startReport.steps, 0);
});

test("a change of icc and mtu is applied to a default bridge in use", async () => {
  await using parts = await FakeParts.create();
  await populated(parts);
  bridgeSettings(parts, { icc: false, mtu: 1400 });
  const reopened = await parts.open();
  assert.equal(reopened.findNetwork("bridge").options["com.docker.network.driver.mtu"], "1400");
  const policy = parts.firewall.policies().find((one) => one.kind === "bridge" && one.bridge === "docker0");
  assert.equal(policy?.kind === "bridge" && policy.icc, false);
});

test("--bridge=none removes docker0 and its network unless somebody is on it", async () => {
  await using parts = await FakeParts.create();
  const { c1 } = await populated(parts);
  const { defaultBridge: _none, ...settings } = parts.settings;
  const before = parts.settings;
  parts.settings = settings;
  await assert.rejects(parts.open(), { code: "conflict", message: /cannot remove it while c1 is connected/ });
  parts.settings = before;
  await (await parts.open()).removeSandbox(c1.id);
  parts.settings = settings;
  const reopened = await parts.open();
  assert.throws(() => reopened.findNetwork("bridge"), { code: "not-found" });
  const links = parts.kernel.facts().flatMap((fact) => (fact.kind === "link" ? [fact.name] : []));
  assert.equal(links.includes("docker0"), false);
});

test("--bridge uses the user's own link with its address and never removes it", async () => {
  await using parts = await FakeParts.create();
  bridgeSettings(parts, { name: "mybr", adopt: true });
  await assert.rejects(parts.open(), { code: "invalid-argument", message: /ip link add mybr type bridge/ });
  const mybr: LinkFact = { kind: "link", namespace: HOST, name: "mybr", device: { type: "bridge" }, up: true };
  parts.kernel.meddle({ add: mybr });
  parts.kernel.meddle({
    add: { kind: "address", namespace: HOST, link: "mybr", address: parsePrefix("192.168.77.1/24") },
  });
  const controller = await parts.open();
  const view = await controller.createSandbox(parts.spec("c1", "bridge"));
  assert.deepEqual(view.endpoints[0]?.endpoint.addresses.map(formatPrefix), ["192.168.77.2/24"]);
  await controller.removeSandbox(view.id);
  const { defaultBridge: _none, ...settings } = parts.settings;
  parts.settings = settings;
  await parts.open();
  assert.ok(parts.kernel.facts().some((fact) => fact.kind === "link" && fact.name === "mybr"));
});
