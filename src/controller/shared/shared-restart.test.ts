/** Hosts of a cluster that start: without their store, after a reboot, after a crash between two steps; and what questions cost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../../../test/support/wait.ts";
import { FakeHosts, type FakeHost } from "../testing/fake-hosts.ts";

const shop = { name: "shop", driver: "overlay", internal: true } as const;

function hasNetwork({ controller }: FakeHost, name: string): boolean {
  return controller.networks().some((network) => network.name === name);
}

async function sharing(all: FakeHosts): Promise<{ readonly a: FakeHost; readonly b: FakeHost; readonly id: string }> {
  const [a, b] = [all.host(1), all.host(2)];
  const { id } = await a.controller.createNetwork(shop);
  await until("shop is there", () => hasNetwork(b, "shop"));
  return { a, b, id };
}

test("a host that has never seen its store starts, makes networks of its own, and joins when it can", async () => {
  await using all = await FakeHosts.open(1);
  const newcomer = await all.add({ isStoreAway: true });
  await newcomer.controller.createNetwork({ name: "local" });
  await newcomer.controller.createSandbox(newcomer.parts.spec("c1", "local"));
  await assert.rejects(newcomer.controller.createNetwork(shop), {
    code: "unavailable",
    message: /cluster store memory:\/\/cluster/,
  });
  await all.host(1).controller.createNetwork(shop);
  newcomer.client.heal();
  // It follows the cluster a moment before it is one of it.
  await until("it has joined", () => newcomer.parts.cluster?.status().state === "connected");
  await until("it knows the network", () => hasNetwork(newcomer, "shop"));
  await newcomer.controller.createSandbox(newcomer.parts.spec("c2", "shop"));
});

test("after a reboot a host's endpoints are the cluster's no more, and their addresses are free", async () => {
  await using all = await FakeHosts.open(2);
  const { a, b, id } = await sharing(all);
  const c1 = await a.controller.createSandbox(a.parts.spec("c1", "shop"));
  await until("b knows c1", () => b.controller.peers(id).length === 1);
  await a.close();
  for (const fact of a.parts.kernel.facts()) a.parts.kernel.meddle({ remove: fact });
  await a.open();
  assert.equal(a.controller.findSandbox(c1.id), undefined);
  await until("b forgot c1", () => b.controller.peers(id).length === 0);
  const address = c1.endpoints[0]?.endpoint.addresses[0]?.address;
  assert.ok(address !== undefined);
  const wish = { network: "shop", ipv4Address: address };
  await until("its address is free", async () => {
    return b.controller.createSandbox(b.parts.spec("c1", wish)).then(
      () => true,
      () => false,
    );
  });
});

test("an endpoint that only the cluster remembers goes at the next start", async () => {
  await using all = await FakeHosts.open(2);
  const { a, b, id } = await sharing(all);
  const c1 = await a.controller.createSandbox(a.parts.spec("c1", "shop"));
  await until("b knows c1", () => b.controller.peers(id).length === 1);
  await a.close();
  // As if the crash had come after the cluster was told and before this host's own store was.
  a.parts.store.commit([
    { remove: "sandboxes", id: c1.id },
    ...c1.endpoints.map(({ endpoint }) => ({ remove: "endpoints", id: endpoint.id })),
  ]);
  await a.open();
  await until("b forgot c1", () => b.controller.peers(id).length === 0);
  await a.controller.createSandbox(a.parts.spec("c1", "shop"));
});

test("a network removed while a host is down is gone there when it starts", async () => {
  await using all = await FakeHosts.open(2);
  const { a, b } = await sharing(all);
  await b.close();
  await a.controller.removeNetwork("shop");
  await b.open();
  await until("shop is gone", () => !hasNetwork(b, "shop"));
  assert.deepEqual(b.parts.messages, []);
});

test("a network that is removed under a host's containers is kept until they leave it", async () => {
  await using all = await FakeHosts.open(2);
  const { a, b, id } = await sharing(all);
  const c2 = await b.controller.createSandbox(b.parts.spec("c2", "shop"));
  // By hand, past all checks.
  for (const { key } of all.store.list("causeway")) if (key.includes(id)) all.store.corrupt(key, undefined);
  await until("it is said", () => b.parts.messages.some((text) => text.includes("was removed by another host")));
  assert.ok(hasNetwork(b, "shop"));
  await b.controller.removeSandbox(c2.id);
  await until("shop is gone", () => !hasNetwork(a, "shop"));
  await until("shop is gone here too", () => !hasNetwork(b, "shop"));
});

test("no question costs a request", async () => {
  await using all = await FakeHosts.open(2);
  const { a, b, id } = await sharing(all);
  await b.controller.createSandbox(b.parts.spec("c2", "shop"));
  await until("a knows c2", () => a.controller.peers(id).length === 1);
  const before = a.client.requests;
  for (let count = 0; count < 100; count++) {
    a.controller.networks();
    a.controller.findNetwork("shop");
    a.controller.peers(id);
    a.controller.endpoints(id);
  }
  assert.equal(a.client.requests, before);
});

test("a name that was given up while the store was away can be had again the moment that is back", async () => {
  await using all = await FakeHosts.open(2);
  const { a, b, id } = await sharing(all);
  const c1 = await a.controller.createSandbox(a.parts.spec("c1", "shop"));
  await until("b knows c1", () => b.controller.peers(id).length === 1);
  all.store.stop();
  await a.controller.removeSandbox(c1.id);
  all.store.start();
  // Nothing but the store's absence may hinder it: whoever is refused for that asks again.
  await until("it may come again", async () => {
    return a.controller.createSandbox(a.parts.spec("c1", "shop")).then(
      () => true,
      (cause: unknown) => {
        assert.match(String(cause), /cluster store/);
        return false;
      },
    );
  });
});
