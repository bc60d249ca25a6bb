/** Networks of the cluster: one name and one VXLAN id each, whoever asks first, and none removed from under an endpoint. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../../test/support/wait.ts";
import { parsePrefix } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";
import type { NewSharedNetwork } from "./cluster.ts";
import { TestCluster, testEndpoint, testNetwork } from "./hosts.fixture.ts";
import { networkKey } from "./keys.ts";

function network(name: string, ...vnis: readonly (number | undefined)[]): NewSharedNetwork {
  const subnets = (vnis.length === 0 ? [undefined] : vnis).map((vni, index) => {
    const subnet = parsePrefix(`10.${index}.0.0/24`);
    return vni === undefined ? { subnet } : { subnet, vni };
  });
  return { id: `id-of-${name}`, name, subnets, body: { any: "thing" } };
}

function refused(code: EngineError["code"], text: string) {
  return (error: unknown): boolean =>
    error instanceof EngineError && error.code === code && error.message.includes(text);
}

describe("a shared network", () => {
  it("is known to every host, whole and with VXLAN ids of its own", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const made = await a.cluster.createNetwork(network("shop", undefined, undefined));
    assert.deepEqual(
      made.subnets.map(({ vni }) => vni),
      [4096, 4097],
    );
    assert.deepEqual(a.cluster.networks(), [made]);
    await until("the other has it", () => b.cluster.networks().length === 1);
    assert.deepEqual(b.cluster.networks(), [made]);
  });

  it("is refused for a name that is taken", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    await a.cluster.createNetwork(network("shop"));
    const again = { ...network("shop"), id: "another" };
    await assert.rejects(b.cluster.createNetwork(again), refused("conflict", "network with name shop already exists"));
    assert.equal(cluster.memory.get(networkKey("another")), undefined);
  });

  it("gets the VXLAN ids it asks for, or none", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    await a.cluster.createNetwork(network("one", 77));
    await until("the other has it", () => b.cluster.networks().length === 1);
    await assert.rejects(
      b.cluster.createNetwork(network("two", 78, 77)),
      refused("conflict", "VXLAN id 77 is in use by network one"),
    );
    const { subnets } = await b.cluster.createNetwork(network("two", 78));
    assert.equal(subnets[0]?.vni, 78);
  });

  it("is one of ten when ten hosts want the same name at once, and has another id than those of other names", async () => {
    const cluster = new TestCluster();
    await using stack = new AsyncDisposableStack();
    const hosts = await Promise.all(Array.from({ length: 10 }, () => cluster.host()));
    for (const host of hosts) stack.use(host);
    const same = await Promise.allSettled(
      hosts.map((host, index) => host.cluster.createNetwork({ ...network("shop"), id: `shop-${index}` })),
    );
    assert.equal(same.filter(({ status }) => status === "fulfilled").length, 1);
    const others = await Promise.all(
      hosts.map((host, index) => host.cluster.createNetwork(network(`net-${index}`, undefined, undefined))),
    );
    const vnis = others.flatMap(({ subnets }) => subnets.map(({ vni }) => vni));
    assert.equal(new Set(vnis).size, 20);
  });

  it("whose creation was answered by silence is made once", async () => {
    await using a = await new TestCluster().host();
    a.store.loseNextAnswer();
    const made = await a.cluster.createNetwork(network("shop"));
    assert.deepEqual(a.cluster.networks(), [made]);
  });

  it("stays while any host has an endpoint on it, and says who", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const { id } = await a.cluster.createNetwork(network("shop"));
    await until("the other has it", () => b.cluster.networks().length === 1);
    const endpoint = testEndpoint(id, "c1");
    await b.cluster.putEndpoint(endpoint);
    const who = `name:"c1" id:"${endpoint.id.slice(0, 12)}" host:"host-2"`;
    await assert.rejects(
      a.cluster.removeNetwork(id),
      refused("forbidden", `network shop has active endpoints (${who})`),
    );
    await b.cluster.putEndpoint(testEndpoint(id, "c2"));
    await b.cluster.removeEndpoint(id, endpoint.id);
    await assert.rejects(a.cluster.removeNetwork(id), refused("forbidden", 'name:"c2"'));
  });

  it("goes with its name, ids and pool, which are free again", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const { id } = await testNetwork(a, "shop");
    await until("the other has it", () => b.cluster.networks().length === 1);
    await b.cluster.removeNetwork(id);
    await b.cluster.removeNetwork(id);
    assert.deepEqual(b.cluster.networks(), []);
    await until("the first knows", () => a.cluster.networks().length === 0);
    const again = await testNetwork(a, "shop");
    assert.equal(again.poolId, "GlobalDefault/10.0.0.0/24");
    assert.equal(a.cluster.networks()[0]?.subnets[0]?.vni, 4096);
  });

  it("is never removed from under an endpoint that comes at the same moment", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    for (let round = 0; round < 40; round++) {
      const { id } = await a.cluster.createNetwork(network(`net-${round}`));
      await until("the other has it", () => b.cluster.networks().some((found) => found.id === id));
      const endpoint = testEndpoint(id, "c1");
      const turns = async (count: number): Promise<void> => {
        for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
      };
      const results = await Promise.allSettled([
        turns(round % 8).then(async () => a.cluster.removeNetwork(id)),
        turns((round * 3) % 11).then(async () => b.cluster.putEndpoint(endpoint)),
      ]);
      const [removed, put] = results.map(({ status }) => status === "fulfilled");
      assert.notEqual(removed, put, `round ${round}: removed ${removed}, endpoint made ${put}`);
      assert.equal(cluster.memory.get(networkKey(id)) === undefined, removed);
      assert.equal(cluster.memory.list(`causeway/endpoints/${id}`).length, put ? 1 : 0);
    }
  });

  it("made nonsense by hand stays as it was on every host, is said once, and is written anew", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const made = await a.cluster.createNetwork(network("shop"));
    await until("the other has it", () => b.cluster.networks().length === 1);
    cluster.memory.corrupt(networkKey(made.id), "{nonsense");
    await until("it is whole", () => cluster.memory.get(networkKey(made.id))?.value.includes('"shop"') === true);
    assert.deepEqual(b.cluster.networks(), [made]);
    const complaints = b.lines.filter((line) => line.includes("not understood"));
    assert.equal(complaints.length, 1, complaints.join("\n"));
    await b.cluster.putEndpoint(testEndpoint(made.id, "c1"));
  });

  it("removed by hand is gone for every host", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    const { id } = await a.cluster.createNetwork(network("shop"));
    cluster.memory.corrupt(networkKey(id), undefined);
    await until("it is gone", () => a.cluster.networks().length === 0);
    await assert.rejects(a.cluster.putEndpoint(testEndpoint(id, "c1")), refused("not-found", id));
    await a.cluster.createNetwork({ ...network("shop", 4096), id: "another" });
  });

  it("is listed in order of creation", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    for (const name of ["c", "a", "b"]) {
      await a.cluster.createNetwork(network(name));
      const made = Date.now();
      await until("the clock has moved", () => Date.now() > made);
    }
    assert.deepEqual(
      a.cluster.networks().map(({ name }) => name),
      ["c", "a", "b"],
    );
  });
});
