/** Endpoints of a host: their names are theirs alone, others see them, and what cannot be told now is told later. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { until } from "../../test/support/wait.ts";
import { parsePrefix } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";
import type { ClusterChange } from "./cluster.ts";
import { TestCluster, testEndpoint, testNetwork } from "./hosts.fixture.ts";
import { endpointKey, endpointsKey } from "./keys.ts";

const nameTaken = (error: unknown): boolean =>
  error instanceof EngineError &&
  error.code === "forbidden" &&
  /^endpoint with name c1 already exists in network shop on host host-[12]$/.test(error.message);

/** What changed before has been told by then. */
async function nextTurns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await nextTurn();
}

describe("an endpoint of a host", () => {
  it("is shown to every host with where it is", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const { id } = await testNetwork(a, "shop");
    const endpoint = testEndpoint(id, "c1", { dnsNames: ["c1", "db"], addresses: [parsePrefix("10.0.0.7/24")] });
    await a.cluster.putEndpoint(endpoint);
    const expected = [{ ...endpoint, host: a.cluster.self }];
    assert.deepEqual(a.cluster.endpoints(id), expected);
    await until("the other has it", () => b.cluster.endpoints(id).length === 1);
    assert.deepEqual(b.cluster.endpoints(id), expected);
  });

  it("costs one request to make, none to make again, one to change and one to remove", async () => {
    await using a = await new TestCluster().host();
    const { id } = await testNetwork(a, "shop");
    const endpoint = testEndpoint(id, "c1");
    const requests: number[] = [];
    const counted = async (body: () => Promise<void>): Promise<void> => {
      const before = a.store.requests;
      await body();
      requests.push(a.store.requests - before);
    };
    await counted(() => a.cluster.putEndpoint(endpoint));
    await counted(() => a.cluster.putEndpoint(endpoint));
    await until("the copy has it", () => a.store.requests > 0);
    await counted(() => a.cluster.putEndpoint({ ...endpoint, dnsNames: ["c1", "db"] }));
    await counted(() => a.cluster.removeEndpoint(id, endpoint.id));
    assert.deepEqual(requests, [1, 0, 1, 1]);
  });

  it("has a name that no other of the network has, on any host", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const { id } = await testNetwork(a, "shop");
    await until("the other has it", () => b.cluster.networks().length === 1);
    const made = await Promise.allSettled([
      a.cluster.putEndpoint(testEndpoint(id, "c1")),
      b.cluster.putEndpoint(testEndpoint(id, "c1")),
    ]);
    const refusals = made.flatMap((result): unknown[] => (result.status === "rejected" ? [result.reason] : []));
    assert.equal(refusals.length, 1);
    assert.ok(nameTaken(refusals[0]), String(refusals[0]));
    const again = await Promise.allSettled([a, b].map((host) => host.cluster.putEndpoint(testEndpoint(id, "c1"))));
    const texts = again.map((result) => (result.status === "rejected" ? String(result.reason) : "made"));
    // Where the other is needs no saying when it is here.
    assert.equal(texts.filter((text) => text.endsWith("in network shop")).length, 1, texts.join());
    assert.equal(texts.filter((text) => /in network shop on host host-[12]$/.test(text)).length, 1, texts.join());
    const other = await testNetwork(b, "backend");
    await b.cluster.putEndpoint(testEndpoint(other.id, "c1"));
  });

  it("can be made on a network that this host has not heard of yet", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const { id } = await testNetwork(a, "shop");
    await b.cluster.putEndpoint(testEndpoint(id, "c1"));
    assert.equal(b.cluster.endpoints(id).length, 1);
  });

  it("is its host's own also where somebody copied its record, and the copy goes", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const { id } = await testNetwork(a, "shop");
    await a.cluster.putEndpoint(testEndpoint(id, "c1"));
    const made = cluster.memory.get(endpointKey(id, "c1"))?.value ?? "";
    const copied = made.replaceAll('"c1"', '"c9"').replace(a.cluster.self.id, b.cluster.self.id);
    const shown = new Set<string>();
    a.cluster.subscribe(() => shown.add(JSON.stringify(a.cluster.endpoints(id).map(({ name }) => name))));
    cluster.memory.corrupt(endpointKey(id, "c9"), copied);
    await until("a was told", () => shown.size > 0);
    await until("b took back what bears its name", () => cluster.memory.get(endpointKey(id, "c9")) === undefined);
    await nextTurns();
    assert.deepEqual([...shown], ['["c1"]']);
  });

  it("is renamed in one step, and its old name is free", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const { id } = await testNetwork(a, "shop");
    const endpoint = testEndpoint(id, "c1");
    await a.cluster.putEndpoint(endpoint);
    await until("the other has it", () => b.cluster.endpoints(id).length === 1);
    await nextTurns();
    const seen = new Set<string>();
    b.cluster.subscribe(() =>
      seen.add(
        b.cluster
          .endpoints(id)
          .map(({ name }) => name)
          .join("+"),
      ),
    );
    await a.cluster.putEndpoint({ ...endpoint, name: "c2" });
    await until("the other has its new name", () => b.cluster.endpoints(id)[0]?.name === "c2");
    await nextTurns();
    assert.deepEqual([...seen], ["c2"]);
    await b.cluster.putEndpoint(testEndpoint(id, "c1"));
    await assert.rejects(a.cluster.putEndpoint({ ...endpoint, name: "c1" }), {
      message: "endpoint with name c1 already exists in network shop on host host-2",
    });
    assert.equal(a.cluster.endpoints(id).find(({ host }) => host.id === a.cluster.self.id)?.name, "c2");
  });

  it("whose writing was answered by silence is there once, removed or not", async () => {
    await using a = await new TestCluster().host();
    const { id } = await testNetwork(a, "shop");
    const endpoint = testEndpoint(id, "c1");
    a.store.loseNextAnswer();
    await a.cluster.putEndpoint(endpoint);
    a.store.loseNextAnswer();
    await a.cluster.putEndpoint({ ...endpoint, name: "c2" });
    assert.deepEqual(
      a.cluster.endpoints(id).map(({ name }) => name),
      ["c2"],
    );
    a.store.loseNextAnswer();
    await a.cluster.removeEndpoint(id, endpoint.id);
    assert.deepEqual(a.cluster.endpoints(id), []);
  });

  it("leaves while the store is away, and is gone from it when that returns", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    const { id } = await testNetwork(a, "shop");
    const endpoint = testEndpoint(id, "c1");
    await a.cluster.putEndpoint(endpoint);
    cluster.memory.stop();
    await until("it knows", () => a.cluster.status().state === "away");
    await a.cluster.removeEndpoint(id, endpoint.id);
    assert.deepEqual(a.cluster.endpoints(id), []);
    cluster.memory.start();
    await until("it is gone", () => cluster.memory.list(endpointsKey(id)).length === 0);
    await a.cluster.removeNetwork(id);
  });

  it("altered, spoilt or removed by hand is written anew, as it was", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const { id } = await testNetwork(a, "shop");
    const endpoint = testEndpoint(id, "c1");
    await a.cluster.putEndpoint(endpoint);
    const key = endpointKey(id, "c1");
    const text = cluster.memory.get(key)?.value ?? "";
    for (const value of ["nonsense", text.replace("10.0.0.2", "10.0.0.99"), undefined]) {
      cluster.memory.corrupt(key, value);
      await until("it is as it was", () => cluster.memory.get(key)?.value === text);
    }
    await until("the other has it", () => b.cluster.endpoints(id).length === 1);
    assert.deepEqual(b.cluster.endpoints(id), [{ ...endpoint, host: a.cluster.self }]);
  });

  it("that somebody invents under a host's name does not stay", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    const { id } = await testNetwork(a, "shop");
    await a.cluster.putEndpoint(testEndpoint(id, "c1"));
    const text = cluster.memory.get(endpointKey(id, "c1"))?.value ?? "";
    cluster.memory.corrupt(endpointKey(id, "c2"), text.replaceAll('"c1"', '"c2"').replace("endpoint-", "invented-"));
    await until("it is gone", () => cluster.memory.list(endpointsKey(id)).length === 1);
  });

  it("is told to listeners by its network alone, and only once the copy shows it", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const { id } = await testNetwork(a, "shop");
    await until("the other has it", () => b.cluster.networks().length === 1);
    await nextTurns();
    const told: [ClusterChange, number][] = [];
    const unsubscribe = b.cluster.subscribe((change) => told.push([change, b.cluster.endpoints(id).length]));
    const endpoint = testEndpoint(id, "c1");
    await a.cluster.putEndpoint(endpoint);
    await until("told", () => told.length > 0);
    assert.deepEqual(told, [
      [{ networks: { put: [], removed: [] }, endpointsOf: new Set([id]), hosts: false, status: false }, 1],
    ]);
    unsubscribe();
    await a.cluster.removeEndpoint(id, endpoint.id);
    await until("it is gone", () => b.cluster.endpoints(id).length === 0);
    assert.equal(told.length, 1);
  });

  it("is not hidden from other listeners by one that throws", async () => {
    await using a = await new TestCluster().host();
    a.cluster.subscribe(() => {
      throw new Error("broken");
    });
    let told = 0;
    a.cluster.subscribe(() => told++);
    await testNetwork(a, "shop");
    await until("told", () => told > 0);
    assert.ok(a.lines.some((line) => line.includes("broken")));
  });
});
