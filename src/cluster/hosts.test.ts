/** Hosts come, go, and get in each other's way: who is shown as living, what is refused, and what comes back. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../../test/support/wait.ts";
import { parsePrefix } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";
import { openMemoryStore } from "../store/memory-store.ts";
import type { Store } from "../store/store.ts";
import { TestCluster, testEndpoint, testNetwork, type TestHost } from "./hosts.fixture.ts";
import { hostKey } from "./keys.ts";

function refusal(...texts: readonly string[]) {
  return (error: unknown): boolean =>
    error instanceof EngineError && error.code === "conflict" && texts.every((text) => error.message.includes(text));
}

function names({ cluster }: TestHost): readonly string[] {
  return cluster.hosts().map(({ name }) => name);
}

function copyOf(cache: Store): Store {
  const copy = openMemoryStore();
  for (const collection of ["cluster-self", "cluster-copy", "cluster-own"]) {
    copy.commit(cache.list(collection).map(({ id, value }) => ({ put: collection, id, value })));
  }
  return copy;
}

describe("a host of a cluster", () => {
  it("is known to the others while it lives, with its address and port", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    const b = await cluster.host();
    await until("both are known", () => names(a).length === 2);
    assert.deepEqual(
      a.cluster.hosts().find(({ name }) => name === "host-2"),
      b.cluster.self,
    );
    await b[Symbol.asyncDispose]();
    await until("the other has left", () => names(a).length === 1);
    assert.deepEqual(names(a), ["host-1"]);
  });

  it("keeps its id over restarts", async () => {
    const cluster = new TestCluster();
    const first = await cluster.host({ name: "a", address: "192.0.2.9" });
    await first[Symbol.asyncDispose]();
    await using again = await cluster.host({ name: "a", address: "192.0.2.9", cache: first.cache });
    assert.equal(again.cluster.self.id, first.cluster.self.id);
  });

  it("takes up what it runs when its daemon was killed, before the others notice", async () => {
    const cluster = new TestCluster();
    await using other = await cluster.host();
    const killed = await cluster.host({ name: "a", address: "192.0.2.9" });
    const { id } = await testNetwork(killed, "shop");
    const endpoint = testEndpoint(id, "c1");
    await killed.cluster.putEndpoint(endpoint);
    await until("the other sees it", () => other.cluster.endpoints(id).length === 1);
    let gone = false;
    other.cluster.subscribe(() => (gone ||= other.cluster.endpoints(id).length === 0));
    await using again = await cluster.host({ name: "a", address: "192.0.2.9", cache: killed.cache });
    assert.equal(again.cluster.status().state, "connected");
    assert.deepEqual(
      again.cluster.endpoints(id).map(({ name }) => name),
      ["c1"],
    );
    assert.equal(gone, false);
  });

  it("that ends with endpoints left stays for its successor", async () => {
    const cluster = new TestCluster();
    await using other = await cluster.host();
    const first = await cluster.host({ name: "a", address: "192.0.2.9" });
    const { id } = await testNetwork(first, "shop");
    await first.cluster.putEndpoint(testEndpoint(id, "c1"));
    await first[Symbol.asyncDispose]();
    assert.ok(cluster.memory.get(hostKey(first.cluster.self.id)), "nobody sees it gone");
    await using again = await cluster.host({ name: "a", address: "192.0.2.9", cache: first.cache });
    await until("its key is the successor's", () => names(other).includes("a"));
    assert.equal(other.cluster.endpoints(id).length, 1);
    assert.equal(again.cluster.endpoints(id).length, 1);
  });

  it("with another's name or address is refused, and the other does not notice", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host({ name: "a", address: "192.0.2.9" });
    const lines = a.lines.length;
    await assert.rejects(
      cluster.host({ name: "a", address: "192.0.2.10" }),
      refusal("name a of this host is in use by host a (192.0.2.9)"),
    );
    await assert.rejects(
      cluster.host({ name: "b", address: "192.0.2.9" }),
      refusal("address 192.0.2.9 of this host is in use by host a (192.0.2.9)"),
    );
    assert.equal(a.lines.length, lines);
    assert.deepEqual(names(a), ["a"]);
    await testNetwork(a, "shop");
  });

  it("with a copied data root is refused, and the other does not notice", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host({ name: "a", address: "192.0.2.9" });
    await assert.rejects(
      cluster.host({ name: "b", address: "192.0.2.10", cache: copyOf(a.cache) }),
      refusal(`host id ${a.cluster.self.id} is in use by host a (192.0.2.9)`, "copied"),
    );
    assert.deepEqual(names(a), ["a"]);
    await testNetwork(a, "shop");
  });

  it("with other address pools or another port is refused, until nobody uses the old ones", async () => {
    const cluster = new TestCluster();
    const a = await cluster.host();
    const others = [{ vxlanPort: 4790 }, { defaultPools: [{ base: parsePrefix("10.0.0.0/8"), size: 20 }] }];
    for (const options of others) {
      await assert.rejects(cluster.host({ options }), refusal("set up with", "10.0.0.0/8 in /24", "VXLAN port 4789"));
    }
    await a[Symbol.asyncDispose]();
    await using b = await cluster.host({ options: { vxlanPort: 4790 } });
    assert.equal(b.cluster.status().state, "connected");
  });

  it("writes its key again when somebody removes or spoils it", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    await until("both are known", () => names(b).length === 2);
    const key = hostKey(a.cluster.self.id);
    for (const value of [undefined, "nonsense", "{}"]) {
      cluster.memory.corrupt(key, value);
      await until("it is as it was", () => cluster.memory.get(key)?.value.includes('"host-1"') === true);
      await until("both are known", () => names(b).length === 2);
    }
  });

  it("whose session ended opens another, and changes are refused meanwhile", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const { id } = await testNetwork(a, "shop");
    a.store.expireSessions();
    await until("it is back", () => names(b).length === 2 && a.cluster.status().state === "connected");
    await a.cluster.putEndpoint(testEndpoint(id, "c1"));
    await until("and is heard of", () => b.cluster.endpoints(id).length === 1);
  });
});

it("a host that does not know any more who it was says so", async () => {
  const cache = openMemoryStore();
  cache.commit([{ put: "cluster-self", id: "host", value: { id: 1 } }]);
  await assert.rejects(new TestCluster().host({ cache }), /read who this host is in the cluster .*id: expected text/);
});

describe("a store whose records somebody wiped", () => {
  it("costs the networks and says so, and those made after it work", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    const { id } = await testNetwork(a, "shop");
    await a.cluster.putEndpoint(testEndpoint(id, "c1"));
    a.store.cut();
    for (const { key } of cluster.memory.list("causeway")) cluster.memory.corrupt(key, undefined);
    a.store.heal();
    await until("it is back", () => cluster.memory.get(hostKey(a.cluster.self.id)) !== undefined);
    await until("nothing is left", () => a.cluster.networks().length === 0 && a.cluster.endpoints(id).length === 0);
    assert.ok(a.lines.some((line) => line.includes("endpoint c1 is lost: its network is gone from the cluster")));
    const again = await testNetwork(a, "shop");
    await a.cluster.putEndpoint(testEndpoint(again.id, "c1"));
    assert.equal(cluster.memory.list(`causeway/endpoints/${again.id}`).length, 1);
  });
});

describe("a host whose cluster store is away", () => {
  it("starts with what it remembers, says why, and joins later", async () => {
    const cluster = new TestCluster();
    await using other = await cluster.host({ name: "b", address: "192.0.2.8" });
    const first = await cluster.host({ name: "a", address: "192.0.2.9" });
    const { id, poolId } = await testNetwork(first, "shop");
    const peer = testEndpoint(id, "peer");
    await other.cluster.putEndpoint(peer);
    await first.cluster.putEndpoint(testEndpoint(id, "c1"));
    await until("the peer is known", () => first.cluster.endpoints(id).length === 2);
    await first[Symbol.asyncDispose]();
    const store = cluster.memory.client();
    store.cut("no route to host");
    await using again = await cluster.host({ name: "a", address: "192.0.2.9", cache: first.cache, store });
    const status = again.cluster.status();
    assert.ok(status.state === "away" && status.reason.includes("no route to host"));
    assert.deepEqual(
      again.cluster.networks().map(({ name, body }) => [name, body]),
      [["shop", { of: "shop" }]],
    );
    assert.deepEqual(
      again.cluster.endpoints(id).map(({ name, host }) => [name, host.name]),
      [
        ["c1", "a"],
        ["peer", "b"],
      ],
    );
    const unavailable = (error: unknown): boolean => error instanceof EngineError && error.code === "unavailable";
    await assert.rejects(again.cluster.putEndpoint(testEndpoint(id, "c2")), unavailable);
    await assert.rejects(again.cluster.addresses.requestAddress(poolId, { holder: "c2" }), unavailable);
    await assert.rejects(testNetwork(again, "other"), unavailable);
    store.heal();
    await until("it has joined", () => again.cluster.status().state === "connected");
    await again.cluster.putEndpoint(testEndpoint(id, "c2"));
  });

  it("answers every question from what it knows, without a request", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    const { id } = await testNetwork(a, "shop");
    await a.cluster.putEndpoint(testEndpoint(id, "c1"));
    cluster.memory.stop();
    await until("it knows", () => a.cluster.status().state === "away");
    const before = a.store.requests;
    assert.equal(a.cluster.networks().length, 1);
    assert.equal(a.cluster.endpoints(id).length, 1);
    assert.equal(a.cluster.hosts().length, 1);
    assert.equal(a.store.requests, before);
    cluster.memory.start();
    await until("it is back", () => a.cluster.status().state === "connected");
  });

  it("tells listeners of it once each way", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    const states: string[] = [];
    a.cluster.subscribe(({ status }) => status && states.push(a.cluster.status().state));
    cluster.memory.stop();
    await until("away", () => states.length === 1);
    cluster.memory.start();
    await until("back", () => states.length === 2);
    assert.deepEqual(states, ["away", "connected"]);
  });
});
