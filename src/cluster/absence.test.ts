/** Hosts that vanish: what the others see of them, what is kept for them, and what is taken from them at last. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../../test/support/wait.ts";
import { formatAddress, parseAddress, type IpAddress } from "../addr/ip-address.ts";
import { TestCluster, testEndpoint, testNetwork, type TestHost } from "./hosts.fixture.ts";
import { endpointsKey, hostKey } from "./keys.ts";

const LONG = { graceMs: 3_600_000 };

/** An endpoint with a leased address, as the controller makes them. */
async function join(host: TestHost, { id, poolId }: { id: string; poolId: string }, name: string, address?: IpAddress) {
  const wanted = address === undefined ? { holder: name } : { holder: name, address };
  const leased = await host.cluster.addresses.requestAddress(poolId, wanted);
  assert.ok(leased);
  const endpoint = testEndpoint(id, name, { addresses: [{ address: leased, length: 24 }] });
  await host.cluster.putEndpoint(endpoint);
  return { endpoint, address: leased };
}

describe("a host that vanishes", () => {
  it("is shown no more with its endpoints at once, and has them all as before when it returns in time", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host({ options: LONG });
    await using b = await cluster.host({ options: LONG });
    const network = await testNetwork(a, "shop");
    await join(a, network, "c1");
    await until("known", () => b.cluster.endpoints(network.id).length === 1);
    const records = cluster.memory.list(endpointsKey(network.id));
    a.store.cut();
    a.store.expireSessions();
    await until("gone", () => b.cluster.endpoints(network.id).length === 0);
    assert.deepEqual(
      b.cluster.hosts().map(({ name }) => name),
      ["host-2"],
    );
    assert.equal(a.cluster.endpoints(network.id).length, 1);
    a.store.heal();
    await until("back", () => b.cluster.endpoints(network.id).length === 1);
    assert.deepEqual(cluster.memory.list(endpointsKey(network.id)), records);
  });

  it("loses endpoints and addresses after the grace time; the network's own addresses stay", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const network = await testNetwork(a, "shop");
    await a.cluster.addresses.requestAddress(network.poolId, { holder: "gateway" });
    const { address } = await join(a, network, "c1");
    await until("known", () => b.cluster.endpoints(network.id).length === 1);
    a.store.cut();
    a.store.expireSessions();
    await until("reaped", () => cluster.memory.list(endpointsKey(network.id)).length === 0);
    await until("the address is free", () => cluster.memory.list("causeway/addresses").length === 1);
    assert.ok(b.lines.some((line) => line.includes("did not return in time")));
    const taken = await b.cluster.addresses.requestAddress(network.poolId, { address, holder: "c1" });
    assert.equal(taken && formatAddress(taken), formatAddress(address));
    await b.cluster.removeNetwork(network.id);
  });

  it("that comes back too late takes up what nobody took meanwhile, and loses the rest with a clear word", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const network = await testNetwork(a, "shop");
    const kept = await join(a, network, "kept");
    const name = await join(a, network, "same-name");
    const taken = await join(a, network, "same-address");
    await until("known", () => b.cluster.endpoints(network.id).length === 3);
    a.store.cut();
    a.store.expireSessions();
    await until("reaped", () => cluster.memory.list(endpointsKey(network.id)).length === 0);
    await until("all", () => cluster.memory.list("causeway/addresses").length === 0);
    await join(b, network, "same-name", parseAddress("10.0.0.100"));
    await join(b, network, "new", taken.address);
    let told = false;
    a.cluster.subscribe(({ endpointsOf }) => (told ||= endpointsOf.has(network.id)));
    a.store.heal();
    const shown = (): string =>
      b.cluster
        .endpoints(network.id)
        .map(({ name: own, host }) => `${own} on ${host.name}`)
        .sort()
        .join(", ");
    await until("settled", () => shown() === "kept on host-1, new on host-2, same-name on host-2");
    await until("and so here", () => a.cluster.endpoints(network.id).length === 3);
    assert.ok(told);
    const errors = a.lines.filter((line) => line.startsWith("error"));
    assert.equal(errors.length, 2, errors.join("\n"));
    assert.ok(
      errors.some((line) => line.includes("endpoint same-name of network shop is lost") && line.includes("host-2")),
    );
    assert.ok(errors.some((line) => line.includes(`its address ${formatAddress(taken.address)}`)));
    const again = await b.cluster.addresses.requestAddress(network.poolId, { holder: "x" });
    assert.ok(again !== undefined && again.value !== kept.address.value && again.value !== name.address.value);
  });

  it("is not given up by a host that was away itself for as long", async () => {
    const cluster = new TestCluster();
    const skip = { ms: 0 };
    await using a = await cluster.host({ options: LONG });
    await using b = await cluster.host({ options: LONG, skip });
    const network = await testNetwork(a, "shop");
    await join(a, network, "c1");
    await until("known", () => b.cluster.endpoints(network.id).length === 1);
    a.store.cut();
    a.store.expireSessions();
    await until("gone", () => b.cluster.endpoints(network.id).length === 0);
    b.store.cut();
    await until("away", () => b.cluster.status().state === "away");
    skip.ms += 2 * LONG.graceMs;
    b.store.heal();
    await until("there", () => b.cluster.status().state === "connected");
    await testNetwork(b, "other");
    assert.equal(cluster.memory.list(endpointsKey(network.id)).length, 1);
    skip.ms += 2 * LONG.graceMs;
    await until("reaped", () => cluster.memory.list(endpointsKey(network.id)).length === 0);
  });

  it("is kept for its time whatever the wall clock does", async () => {
    const cluster = new TestCluster();
    const wall = { ms: 0 };
    await using a = await cluster.host({ options: LONG });
    await using b = await cluster.host({ options: { ...LONG, reuseDelayMs: LONG.graceMs }, wall });
    const network = await testNetwork(a, "shop");
    await join(a, network, "c1");
    await until("known", () => b.cluster.addresses.knowsPool(network.poolId));
    const own = await join(b, network, "c2");
    a.store.cut();
    a.store.expireSessions();
    await until("gone", () => b.cluster.endpoints(network.id).length === 1);
    await b.cluster.addresses.releaseAddress(network.poolId, own.address);
    for (const step of [365, -365]) {
      wall.ms += step * 86_400_000;
      cluster.memory.corrupt(hostKey(b.cluster.self.id), undefined);
      await until("it has looked after its own", () => cluster.memory.get(hostKey(b.cluster.self.id)) !== undefined);
      await until("and may change things", () => b.cluster.status().state === "connected");
      await testNetwork(b, `after-${step}`);
      assert.equal(cluster.memory.list(endpointsKey(network.id)).length, 2);
      assert.equal(cluster.memory.list("causeway/addresses").length, 2);
    }
  });

  it("is cleared away once, by whichever host, however many look", async () => {
    const cluster = new TestCluster();
    await using stack = new AsyncDisposableStack();
    const hosts: TestHost[] = [];
    for (let count = 0; count < 6; count++) hosts.push(stack.use(await cluster.host()));
    const [a, b] = hosts;
    assert.ok(a && b);
    const network = await testNetwork(a, "shop");
    for (let count = 0; count < 60; count++) await join(a, network, `c${count}`);
    a.store.cut();
    a.store.expireSessions();
    await until("reaped", () => cluster.memory.list(endpointsKey(network.id)).length === 0);
    await until("all", () => cluster.memory.list("causeway/addresses").length === 0);
  });

  it("leaves no pool behind that it took for a network it never made", async () => {
    const cluster = new TestCluster();
    await using b = await cluster.host();
    const a = await cluster.host();
    const pool = await a.cluster.addresses.requestPool({ family: 4, reserved: [] });
    await a.cluster.addresses.requestAddress(pool.id, { holder: "gateway" });
    await a[Symbol.asyncDispose]();
    await until("free", () => cluster.memory.list("causeway/pools").length === 0);
    await until("all", () => cluster.memory.list("causeway/addresses").length === 0);
    const next = await b.cluster.addresses.requestPool({ family: 4, reserved: [] });
    assert.equal(next.id, pool.id);
  });

  it("does not lose the pool of a network that it is about to make", async () => {
    const skip = { ms: 0 };
    await using a = await new TestCluster().host({ skip });
    const pool = await a.cluster.addresses.requestPool({ family: 4, reserved: [] });
    skip.ms += 1_000_000;
    const address = await a.cluster.addresses.requestAddress(pool.id, { holder: "gateway" });
    assert.deepEqual(address, parseAddress("10.0.0.1"));
    await a.cluster.createNetwork({ id: "n", name: "n", subnets: [{ subnet: pool.subnet }], body: null });
    assert.ok(a.cluster.addresses.knowsPool(pool.id));
  });
});
