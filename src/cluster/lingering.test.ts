/** Hosts that were away together: whoever is back first does not give up those that are not yet. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { until } from "../../test/support/wait.ts";
import { TestCluster, testEndpoint, testNetwork, type TestHost } from "./hosts.fixture.ts";

const TIMES = { ttlMs: 400, graceMs: 3_600_000 };

/** And then the store forgets them. */
async function cutBoth(...hosts: readonly [TestHost, TestHost]): Promise<void> {
  for (const { store } of hosts) store.cut();
  await until("both are away", () => hosts.every(({ cluster }) => cluster.status().state === "away"));
  for (const { store } of hosts) store.expireSessions();
}

it("endpoints of a host that is back later than this one are shown all the while", async () => {
  const cluster = new TestCluster();
  await using a = await cluster.host({ options: TIMES });
  await using b = await cluster.host({ options: { ...TIMES, ttlMs: 60_000 } });
  const network = await testNetwork(a, "shop");
  await until("known", () => b.cluster.networks().length === 1);
  await a.cluster.putEndpoint(testEndpoint(network.id, "c1"));
  await until("shown", () => b.cluster.endpoints(network.id).length === 1);
  let seenGone = false;
  b.cluster.subscribe(() => (seenGone ||= b.cluster.endpoints(network.id).length === 0));
  await cutBoth(a, b);
  b.store.heal();
  await until("b is back", () => b.cluster.status().state === "connected");
  await until("b knows that the store has forgotten a", () => b.cluster.hosts().length === 1);
  assert.equal(b.cluster.endpoints(network.id).length, 1);
  a.store.heal();
  await until("a is back", () => b.cluster.hosts().length === 2);
  assert.equal(b.cluster.endpoints(network.id).length, 1);
  assert.equal(seenGone, false);
});

it("those of a host that does not come back are given up a ttl after this one's return", async () => {
  const cluster = new TestCluster();
  await using a = await cluster.host({ options: TIMES });
  await using b = await cluster.host({ options: TIMES });
  const network = await testNetwork(a, "shop");
  await until("known", () => b.cluster.networks().length === 1);
  await a.cluster.putEndpoint(testEndpoint(network.id, "c1"));
  await until("shown", () => b.cluster.endpoints(network.id).length === 1);
  await cutBoth(a, b);
  b.store.heal();
  let told = false;
  b.cluster.subscribe(({ endpointsOf }) => (told ||= endpointsOf.has(network.id)));
  await until("given up", () => b.cluster.endpoints(network.id).length === 0);
  await until("and told", () => told);
});
