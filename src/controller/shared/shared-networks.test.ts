/** Networks that several hosts share, over a cluster store in memory: what one host does the others have, and nobody is harmed by who is away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../addr/ip-address.ts";
import { formatPrefix, parsePrefix } from "../../addr/prefix.ts";
import { until } from "../../../test/support/wait.ts";
import type { KernelFact } from "../../kernel/facts.ts";
import type { SandboxView } from "../cnm.ts";
import { networkKey } from "../../cluster/keys.ts";
import { FakeHosts, type FakeHost } from "../testing/fake-hosts.ts";

const shop = { name: "shop", driver: "overlay" } as const;

function hasNetwork({ controller }: FakeHost, name: string): boolean {
  return controller.networks().some((network) => network.name === name);
}

/** Forwarding entries: where it sends frames for others' endpoints. */
function forwarding({ parts }: FakeHost): readonly Extract<KernelFact, { kind: "forwarding" }>[] {
  return parts.kernel.facts().filter((fact) => fact.kind === "forwarding");
}

/** Kernel facts that are there because of an overlay network. */
function overlayFacts({ parts }: FakeHost): readonly KernelFact[] {
  return parts.kernel
    .facts()
    .filter((fact) => fact.kind === "namespace" || (fact.kind === "link" && fact.device.type === "vxlan"));
}

function namesOf({ parts }: FakeHost): readonly string[] {
  return [...parts.dns.endpoints.values()].flatMap(({ names }) => names).sort();
}

async function join(host: FakeHost, name: string, network = "shop"): Promise<SandboxView> {
  return host.controller.createSandbox(host.parts.spec(name, network));
}

function addressOf(sandbox: SandboxView): string {
  return sandbox.endpoints.flatMap(({ endpoint }) => endpoint.addresses.map(formatPrefix)).join();
}

test("a network made on one host is on the others, with one id, subnet and VXLAN id", async () => {
  await using all = await FakeHosts.open(3);
  const [a, b, c] = [all.host(1), all.host(2), all.host(3)];
  const made = await a.controller.createNetwork({ ...shop, labels: { tier: "1" } });
  assert.equal(made.scope, "global");
  assert.ok((made.pools[0]?.vni ?? 0) > 0);
  for (const host of [b, c]) {
    await until("shop is there", () => hasNetwork(host, "shop"));
    assert.deepEqual(host.controller.findNetwork("shop"), made);
    await until("its event", () =>
      host.parts.events.some(({ action, actorId }) => action === "create" && actorId === made.id),
    );
    assert.equal(host.parts.dns.networks.get(made.id)?.name, "shop");
  }
  assert.deepEqual(overlayFacts(b), []);
});

test("a network's name is given once in the cluster", async () => {
  await using all = await FakeHosts.open(2);
  const [a, b] = [all.host(1), all.host(2)];
  const outcomes = await Promise.allSettled([a.controller.createNetwork(shop), b.controller.createNetwork(shop)]);
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
  const [failure] = outcomes.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []));
  assert.match(failure ?? "", /network with name shop already exists/);
  await until("both have it", () => hasNetwork(a, "shop") && hasNetwork(b, "shop"));
  assert.deepEqual(a.controller.findNetwork("shop"), b.controller.findNetwork("shop"));
});

test("endpoints on two hosts know the way to each other, and their names", async () => {
  await using all = await FakeHosts.open(2);
  const [a, b] = [all.host(1), all.host(2)];
  await a.controller.createNetwork(shop);
  await until("shop is there", () => hasNetwork(b, "shop"));
  const c1 = await join(a, "c1");
  const c2 = await join(b, "c2");
  assert.notEqual(addressOf(c1), addressOf(c2));
  await until("a knows c2", () => forwarding(a).length === 1);
  const mac = c2.endpoints[0]?.endpoint.mac;
  assert.deepEqual(
    forwarding(a).map((fact) => [fact.mac, fact.destination]),
    [[mac, parseAddress("192.0.2.2")]],
  );
  // Who comes later finds those that are there already.
  assert.equal(forwarding(b).length, 1);
  assert.deepEqual(namesOf(b), ["c1", "c2"]);
  await until("a knows c2's name", () => namesOf(a).includes("c2"));
  const { id } = a.controller.findNetwork("shop");
  assert.deepEqual(
    a.controller.peers(id).map(({ name, hostName }) => [name, hostName]),
    [["c2", "host2"]],
  );
});

test("what left is forgotten: the way and the name on the others, everything on a host without endpoints", async () => {
  await using all = await FakeHosts.open(2);
  const [a, b] = [all.host(1), all.host(2)];
  const before = [a.parts.state(), b.parts.state()];
  await a.controller.createNetwork(shop);
  await until("shop is there", () => hasNetwork(b, "shop"));
  const [c1, c2] = [await join(a, "c1"), await join(b, "c2")];
  await until("a knows c2", () => forwarding(a).length === 1);
  await b.controller.removeSandbox(c2.id);
  assert.deepEqual(overlayFacts(b), []);
  assert.deepEqual(namesOf(b), []);
  await until("a forgot c2", () => forwarding(a).length === 0 && !namesOf(a).includes("c2"));
  await a.controller.removeSandbox(c1.id);
  await b.controller.removeNetwork("shop");
  await until("shop is gone", () => !hasNetwork(a, "shop"));
  for (const { controller } of [a, b]) await controller.removeNetwork("docker_gwbridge");
  assert.deepEqual([a.parts.state(), b.parts.state()], before);
});

test("a network with endpoints anywhere is not removed", async () => {
  await using all = await FakeHosts.open(2);
  const [a, b] = [all.host(1), all.host(2)];
  await a.controller.createNetwork(shop);
  await until("shop is there", () => hasNetwork(b, "shop"));
  const c2 = await join(b, "c2");
  await assert.rejects(a.controller.removeNetwork("shop"), {
    code: "forbidden",
    message:
      /^error while removing network: network shop has active endpoints \(name:"c2" id:"[0-9a-f]{12}" host:"[^"]+"\)$/,
  });
  assert.ok(hasNetwork(a, "shop"));
  await b.controller.removeSandbox(c2.id);
  await a.controller.removeNetwork("shop");
});

test("an endpoint's name is given once on the network, whichever hosts ask, and nothing is left of the loser", async () => {
  await using all = await FakeHosts.open(2);
  const [a, b] = [all.host(1), all.host(2)];
  await a.controller.createNetwork({ ...shop, internal: true });
  await until("shop is there", () => hasNetwork(b, "shop"));
  await join(a, "c1");
  const before = b.parts.state();
  await assert.rejects(join(b, "c1"), {
    code: "forbidden",
    message: /endpoint with name c1 already exists in network shop/,
  });
  assert.deepEqual(b.parts.state(), before);
});

test("an address asked for is given once, whichever hosts ask", async () => {
  await using all = await FakeHosts.open(2);
  const [a, b] = [all.host(1), all.host(2)];
  const pools = [{ family: 4, subnet: parsePrefix("10.9.0.0/24") }] as const;
  await a.controller.createNetwork({ ...shop, ipam: { pools } });
  await until("shop is there", () => hasNetwork(b, "shop"));
  const wish = { network: "shop", ipv4Address: parseAddress("10.9.0.7") };
  await a.controller.createSandbox(a.parts.spec("c1", wish));
  for (const host of [a, b]) {
    await assert.rejects(host.controller.createSandbox(host.parts.spec("c2", wish)), /Address already in use/);
  }
});

test("connect, rename and disconnect are known to the others", async () => {
  await using all = await FakeHosts.open(2);
  const [a, b] = [all.host(1), all.host(2)];
  await a.controller.createNetwork(shop);
  await until("shop is there", () => hasNetwork(b, "shop"));
  await join(a, "c1");
  const c2 = await join(b, "c2", "bridge");
  const endpoint = await b.controller.connect(c2.id, { network: "shop", name: "c2", dnsNames: ["c2", "db"] });
  await until("a knows db", () => namesOf(a).includes("db"));
  await b.controller.renameEndpoints(c2.id, "c3", ["c3", "db"]);
  await until("a knows c3", () => namesOf(a).includes("c3") && !namesOf(a).includes("c2"));
  await b.controller.disconnect(endpoint.id);
  await until("a forgot it", () => namesOf(a).join() === "c1" && forwarding(a).length === 0);
});

test("while the store is away nothing is made, everything may leave, and traffic is not touched", async () => {
  await using all = await FakeHosts.open(2);
  const [a, b] = [all.host(1), all.host(2)];
  await a.controller.createNetwork(shop);
  await until("shop is there", () => hasNetwork(b, "shop"));
  await join(a, "c1");
  const c2 = await join(b, "c2");
  await until("a knows c2", () => forwarding(a).length === 1);
  all.store.stop();
  await until("it is noticed", async () => {
    return join(b, "c3").then(
      () => false,
      (cause: unknown) => /cluster store memory:\/\/cluster/.test(String(cause)),
    );
  });
  for (const refused of [join(b, "c3"), b.controller.createNetwork({ ...shop, name: "x" })]) {
    await assert.rejects(refused, { code: "unavailable" });
  }
  await b.controller.removeSandbox(c2.id);
  assert.deepEqual(overlayFacts(b), []);
  assert.equal(forwarding(a).length, 1);
  await b.controller.createNetwork({ name: "local" });
  all.store.start();
  await until("a forgot c2", () => forwarding(a).length === 0);
  await until("b may join again", async () =>
    join(b, "c2").then(
      () => true,
      () => false,
    ),
  );
});

test("a restart where nothing changed applies nothing, also while the store is away", async () => {
  await using all = await FakeHosts.open(2);
  const [a, b] = [all.host(1), all.host(2)];
  await a.controller.createNetwork(shop);
  await until("shop is there", () => hasNetwork(b, "shop"));
  await join(a, "c1");
  await join(b, "c2");
  await until("a knows c2", () => forwarding(a).length === 1);
  const facts = a.parts.kernel.facts();
  for (const isAway of [false, true]) {
    if (isAway) all.store.stop();
    await a.close();
    await a.open();
    assert.equal(a.controller.startReport.steps, 0, isAway ? "away" : "there");
    assert.deepEqual(a.parts.kernel.facts(), facts);
    assert.ok(namesOf(a).includes("c2"));
    assert.ok(hasNetwork(a, "shop"));
  }
});

test("a local network keeps its name and goes on; the shared one comes when it is gone", async () => {
  await using all = await FakeHosts.open(2);
  const [a, b] = [all.host(1), all.host(2)];
  await b.controller.createNetwork({ name: "shop" });
  const shared = await a.controller.createNetwork(shop);
  await until("it is said", () => b.parts.messages.some((text) => text.includes("a network of its own named shop")));
  assert.equal(b.controller.findNetwork("shop").driver, "bridge");
  await join(b, "c2");
  await b.controller.removeSandbox(b.controller.sandboxes()[0]?.id ?? "");
  await b.controller.removeNetwork("shop");
  await until("the shared one", () => b.controller.networks().some(({ id }) => id === shared.id));
});

test("a network that means nothing is said once, and harms nobody", async () => {
  await using all = await FakeHosts.open(2);
  const [a, b] = [all.host(1), all.host(2)];
  await a.controller.createNetwork(shop);
  await until("shop is there", () => hasNetwork(b, "shop"));
  const record = all.store.list("causeway/networks")[0];
  assert.ok(record !== undefined);
  const { id } = a.controller.findNetwork("shop");
  const other = "f".repeat(64);
  for (const [what, replacement] of [
    ["driver", `"driver":"bridge"`],
    ["pool", `"poolId":"LocalDefault/10.0.0.0/24"`],
    ["scope", `"scope":"local"`],
  ] as const) {
    const text = record.value.replaceAll(id, other).replaceAll('"shop"', '"evil"');
    const spoilt = text.replace(new RegExp(`"${replacement.split('"')[1] ?? ""}":"[^"]*"`), replacement);
    assert.notEqual(spoilt, text, what);
    all.store.corrupt(`causeway/networks/${other}`, spoilt);
    await until(what, () => b.parts.messages.some((message) => message.includes("evil")));
    b.parts.messages.length = 0;
    all.store.corrupt(`causeway/networks/${other}`, undefined);
  }
  assert.ok(!hasNetwork(b, "evil"));
  await join(b, "c1");
});

test("a network whose id would lead out of the folder of namespaces is not taken over", async () => {
  await using all = await FakeHosts.open(2);
  const [a, b] = [all.host(1), all.host(2)];
  const { id } = await a.controller.createNetwork(shop);
  await until("shop is there", () => hasNetwork(b, "shop"));
  const made = all.store.get(networkKey(id));
  assert.ok(made !== undefined);
  const evil = "../../../../x";
  all.store.corrupt(networkKey(evil), made.value.replaceAll(id, evil).replaceAll('"shop"', '"evil"'));
  const refusal = `shared network evil (${evil}) is not for this host: network ${evil}: an id that no network has`;
  await until("it is said", () => b.parts.messages.some((message) => message.includes(refusal)));
  assert.ok(!hasNetwork(b, "evil"));
});

test("an endpoint of a host that is gone is taken off by its name, one of a living host is not", async () => {
  await using all = await FakeHosts.open(2);
  const [a, b] = [all.host(1), all.host(2)];
  const { id } = await a.controller.createNetwork(shop);
  await until("shop is there", () => hasNetwork(b, "shop"));
  const c2 = await join(b, "c2");
  await until("a knows c2", () => a.controller.peers(id).length === 1);
  await assert.rejects(a.controller.evictPeer(id, "c2"), {
    code: "conflict",
    message: "endpoint c2 runs on host host2, which is alive: disconnect it there",
  });
  await assert.rejects(a.controller.evictPeer(id, "c9"), { code: "not-found", message: "endpoint c9 not found" });
  b.client.cut();
  b.client.expireSessions();
  await until("host2 is gone", () => a.controller.peers(id).length === 0);
  await assert.rejects(a.controller.removeNetwork("shop"), { code: "forbidden" });
  await a.controller.evictPeer(id, "c2");
  const address = c2.endpoints[0]?.endpoint.addresses[0]?.address;
  assert.ok(address !== undefined);
  const c1 = await a.controller.createSandbox(a.parts.spec("c1", { network: "shop", ipv4Address: address }));
  await a.controller.removeSandbox(c1.id);
  await a.controller.removeNetwork("shop");
});

test("names and ways of a host that is gone go, and come back with it", async () => {
  await using all = await FakeHosts.open(2);
  const [a, b] = [all.host(1), all.host(2)];
  await a.controller.createNetwork(shop);
  await until("shop is there", () => hasNetwork(b, "shop"));
  await join(a, "c1");
  await join(b, "c2");
  await until("a knows c2", () => namesOf(a).includes("c2") && forwarding(a).length === 1);
  b.client.cut();
  b.client.expireSessions();
  await until("a forgot c2", () => !namesOf(a).includes("c2") && forwarding(a).length === 0);
  assert.equal(forwarding(b).length, 1);
  b.client.heal();
  await until("a knows c2 again", () => namesOf(a).includes("c2") && forwarding(a).length === 1);
});

test("a join that fails half way leaves nothing, here and in the cluster", async () => {
  await using all = await FakeHosts.open(2);
  const [a, b] = [all.host(1), all.host(2)];
  const { id } = await a.controller.createNetwork({ ...shop, internal: true });
  await until("shop is there", () => hasNetwork(b, "shop"));
  await join(b, "c2");
  const before = a.parts.state();
  for (let step = 1; ; step++) {
    a.parts.kernel.failAtStep(step);
    const outcome = await join(a, "c1").catch(() => undefined);
    if (outcome !== undefined) break;
    assert.deepEqual(a.parts.state(), before, `failed at step ${step}`);
    await until("the cluster knows nothing of it", () => b.controller.peers(id).length === 0);
    assert.ok(step < 100);
  }
  assert.equal(b.controller.sandboxes().length, 1);
});
