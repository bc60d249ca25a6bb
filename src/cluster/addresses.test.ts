/** Addresses and pools of the cluster: none given out twice, whatever happens at the same moment. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../../test/support/wait.ts";
import { formatAddress, parseAddress } from "../addr/ip-address.ts";
import { formatPrefix, parsePrefix, prefixesOverlap } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";
import { TestCluster, testEndpoint, testNetwork, type TestHost } from "./hosts.fixture.ts";

function refused(code: EngineError["code"], text: string) {
  return (error: unknown): boolean =>
    error instanceof EngineError && error.code === code && error.message.includes(text);
}

async function lease(
  { cluster }: TestHost,
  poolId: string,
  holder: string,
  address?: string,
): Promise<string | undefined> {
  const wanted = address === undefined ? { holder } : { holder, address: parseAddress(address) };
  const leased = await cluster.addresses.requestAddress(poolId, wanted);
  return leased && formatAddress(leased);
}

async function pool({ cluster }: TestHost, subnet: string, range?: string): Promise<string> {
  const within = range === undefined ? {} : { range: parsePrefix(range) };
  const { id } = await cluster.addresses.requestPool({
    family: subnet.includes(":") ? 6 : 4,
    subnet: parsePrefix(subnet),
    reserved: [],
    ...within,
  });
  return id;
}

describe("an address pool of a cluster", () => {
  it("is the next free one that meets neither another nor what the host reserves", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const reserved = [parsePrefix("10.0.0.0/23"), parsePrefix("10.0.3.7/32")];
    const first = await a.cluster.addresses.requestPool({ family: 4, reserved });
    const second = await b.cluster.addresses.requestPool({ family: 4, reserved });
    assert.deepEqual([first.id, second.id], ["GlobalDefault/10.0.2.0/24", "GlobalDefault/10.0.4.0/24"]);
    const sized = await b.cluster.addresses.requestPool({ family: 4, reserved: [], subnet: parsePrefix("0.0.0.0/20") });
    assert.equal(formatPrefix(sized.subnet), "10.0.16.0/20");
  });

  it("is refused where it overlaps another, and when the default ones are used up", async () => {
    const cluster = new TestCluster();
    const options = { defaultPools: [{ base: parsePrefix("10.0.0.0/23"), size: 24 }] };
    await using a = await cluster.host({ options });
    await using b = await cluster.host({ options });
    await pool(a, "10.0.1.0/24");
    await assert.rejects(
      pool(b, "10.0.0.0/16"),
      refused("forbidden", "invalid pool request: Pool overlaps with other one on this address space"),
    );
    await b.cluster.addresses.requestPool({ family: 4, reserved: [] });
    await assert.rejects(
      b.cluster.addresses.requestPool({ family: 4, reserved: [] }),
      refused("invalid-argument", "all predefined address pools have been fully subnetted"),
    );
    await assert.rejects(
      b.cluster.addresses.requestPool({ family: 6, reserved: [] }),
      refused("invalid-argument", "invalid address pool"),
    );
  });

  it("overlaps no other when ten hosts take pools of all sizes at once", async () => {
    const cluster = new TestCluster();
    await using stack = new AsyncDisposableStack();
    const hosts: TestHost[] = [];
    for (let count = 0; count < 10; count++) hosts.push(stack.use(await cluster.host()));
    const wishes = [undefined, "10.0.0.0/20", "10.0.5.0/24", undefined, "10.0.0.0/16"];
    const made = await Promise.allSettled(
      hosts.map(({ cluster: { addresses } }, index) => {
        const subnet = wishes[index % wishes.length];
        return addresses.requestPool({
          family: 4,
          reserved: [],
          ...(subnet !== undefined && { subnet: parsePrefix(subnet) }),
        });
      }),
    );
    const subnets = made.flatMap((result) => (result.status === "fulfilled" ? [result.value.subnet] : []));
    assert.ok(subnets.length >= 4, `${subnets.length} pools`);
    for (const [index, subnet] of subnets.entries()) {
      for (const other of subnets.slice(index + 1)) assert.ok(!prefixesOverlap(subnet, other));
    }
  });

  it("whose taking was answered by silence is taken once", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    a.store.loseNextAnswer();
    const { id } = await a.cluster.addresses.requestPool({ family: 4, reserved: [] });
    assert.equal(id, "GlobalDefault/10.0.0.0/24");
    assert.equal(cluster.memory.list("causeway/pools").length, 1);
  });

  it("that was given back is free with all of its addresses", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const id = await pool(a, "10.1.0.0/24");
    for (let count = 0; count < 100; count++) await lease(a, id, `e${count}`);
    await a.cluster.addresses.releasePool(id);
    await a.cluster.addresses.releasePool(id);
    await until("the other knows", () => !b.cluster.addresses.knowsPool(id));
    assert.equal(cluster.memory.list("causeway/addresses").length, 0);
    await assert.rejects(lease(b, id, "e"), refused("not-found", id));
    assert.equal(await pool(b, "10.1.0.0/24"), id);
    assert.equal(await lease(b, id, "gateway"), "10.1.0.1");
  });

  it("made nonsense by hand keeps its subnet from being given to another", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    cluster.memory.corrupt("causeway/pools/10.0.0.0-24", "nonsense");
    cluster.memory.corrupt("causeway/pools/nonsense", "nonsense");
    const { id } = await a.cluster.addresses.requestPool({ family: 4, reserved: [] });
    assert.equal(id, "GlobalDefault/10.0.1.0/24");
  });

  it("has no other ids than its own", async () => {
    await using a = await new TestCluster().host();
    for (const id of ["", "nonsense", "LocalDefault/10.0.0.0/24", "GlobalDefault/10.0.0.0"]) {
      await assert.rejects(lease(a, id, "e"), refused("invalid-argument", "invalid pool id"));
      await assert.rejects(a.cluster.addresses.releasePool(id), refused("invalid-argument", "invalid pool id"));
    }
  });
});

describe("an address of a cluster", () => {
  it("is no network's or broadcast address, the gateway's is the lowest, and the others come in order", async () => {
    await using a = await new TestCluster().host();
    const id = await pool(a, "10.1.0.0/29");
    const given = [await lease(a, id, "gateway")];
    for (const holder of ["a", "b", "c", "d", "e", "f"]) given.push(await lease(a, id, holder));
    assert.deepEqual(given, ["10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6", undefined]);
    for (const address of ["10.1.0.0", "10.1.0.7"]) {
      await assert.rejects(lease(a, id, "x", address), refused("forbidden", "Address already in use"));
    }
    await assert.rejects(
      lease(a, id, "x", "10.1.0.8"),
      refused("invalid-argument", "Requested address is out of range"),
    );
    const both = await pool(a, "10.2.0.0/31");
    assert.deepEqual([await lease(a, both, "a"), await lease(a, both, "b")], ["10.2.0.0", "10.2.0.1"]);
    const six = await pool(a, "fd00::/64");
    assert.equal(await lease(a, six, "a"), "fd00::1");
  });

  it("comes by choice from the range alone, and by name from the whole subnet", async () => {
    await using a = await new TestCluster().host();
    const id = await pool(a, "10.1.0.0/24", "10.1.0.64/31");
    assert.equal(id, "GlobalDefault/10.1.0.0/24/10.1.0.64/31");
    assert.deepEqual(
      [await lease(a, id, "a"), await lease(a, id, "b"), await lease(a, id, "c")],
      ["10.1.0.64", "10.1.0.65", undefined],
    );
    assert.equal(await lease(a, id, "d", "10.1.0.200"), "10.1.0.200");
  });

  it("costs one request; asked for again by its holder none, and by others it is refused", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const id = await pool(a, "10.1.0.0/24");
    await until("the other knows", () => b.cluster.addresses.knowsPool(id));
    const before = a.store.requests;
    const address = await lease(a, id, "mine");
    assert.equal(a.store.requests, before + 1);
    assert.equal(await lease(a, id, "mine", address), address);
    assert.equal(a.store.requests, before + 1);
    await assert.rejects(lease(a, id, "other", address), refused("forbidden", "Address already in use"));
    await assert.rejects(lease(b, id, "mine", address), refused("forbidden", "Address already in use"));
  });

  it("whose leasing was answered by silence is found by its holder, and given back where nobody asks again", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    const id = await pool(a, "10.1.0.0/24");
    a.store.loseNextAnswer();
    assert.equal(await lease(a, id, "mine"), "10.1.0.1");
    assert.equal(cluster.memory.list("causeway/addresses").length, 1);
    const onlooker = cluster.memory.client();
    await using _following = await onlooker.follow("causeway/addresses", {
      replace: () => undefined,
      change: () => a.store.cut(),
      connection: () => undefined,
    });
    a.store.loseNextAnswer();
    await assert.rejects(lease(a, id, "lost"), refused("unavailable", "memory://cluster"));
    assert.equal(cluster.memory.list("causeway/addresses").length, 2, "it was carried out");
    a.store.heal();
    await until(
      "it is given back",
      () => cluster.memory.list("causeway/addresses").filter(({ value }) => value.includes("holder")).length === 1,
    );
  });

  it("given back rests before anybody has it again, on every host, and the longest rested comes first", async () => {
    const cluster = new TestCluster();
    const skip = { ms: 0 };
    await using a = await cluster.host({ skip });
    await using b = await cluster.host({ skip });
    const id = await pool(a, "10.1.0.0/29");
    await until("the other knows", () => b.cluster.addresses.knowsPool(id));
    const given: string[] = [];
    for (const holder of ["a", "b", "c", "d", "e", "f"]) given.push((await lease(a, id, holder)) ?? "");
    for (const address of ["10.1.0.5", "10.1.0.2"]) {
      await a.cluster.addresses.releaseAddress(id, parseAddress(address));
      skip.ms += 1_000;
      await until("the other knows", () => resting(cluster, address));
    }
    await a.cluster.addresses.releaseAddress(id, parseAddress("10.1.0.3"));
    skip.ms += 59_500;
    const rested = [await lease(b, id, "x"), await lease(b, id, "y")];
    assert.deepEqual(new Set(rested), new Set(["10.1.0.2", "10.1.0.5"]));
    assert.equal(await lease(b, id, "z"), "10.1.0.3", "not rested, but there is no other");
    assert.equal(await lease(b, id, "none"), undefined);
    assert.equal(new Set(given).size, 6);
  });

  it("that has rested is cleared from the store", async () => {
    const cluster = new TestCluster();
    const skip = { ms: 0 };
    await using a = await cluster.host({ skip });
    const id = await pool(a, "10.1.0.0/24");
    const address = await lease(a, id, "a");
    await a.cluster.addresses.releaseAddress(id, parseAddress(address ?? ""));
    assert.equal(cluster.memory.list("causeway/addresses").length, 1);
    skip.ms += 60_001;
    await until("cleared", () => cluster.memory.list("causeway/addresses").length === 0);
  });

  it("is given back by its host, or by any if it is the network's; another's is left alone", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const id = await pool(a, "10.1.0.0/24");
    await lease(a, id, "gateway", "10.1.0.1");
    await lease(a, id, "mine", "10.1.0.2");
    await until("the other knows", () => b.cluster.addresses.knowsPool(id));
    for (const address of ["10.1.0.1", "10.1.0.2", "10.1.0.3"]) {
      await until("the other has the copy", () => cluster.memory.list("causeway/addresses").length === 2);
      await b.cluster.addresses.releaseAddress(id, parseAddress(address));
    }
    assert.ok(resting(cluster, "10.1.0.1"));
    assert.ok(!resting(cluster, "10.1.0.2"));
  });

  it("given back while the store is away is free when that returns", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    const id = await pool(a, "10.1.0.0/24");
    await lease(a, id, "mine", "10.1.0.2");
    cluster.memory.stop();
    await until("away", () => a.cluster.status().state === "away");
    await a.cluster.addresses.releaseAddress(id, parseAddress("10.1.0.2"));
    cluster.memory.start();
    await until("given back", () => resting(cluster, "10.1.0.2"));
  });

  it("is given to nobody by a host that cannot ask, and by one whose session has ended", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    const id = await pool(a, "10.1.0.0/24");
    await until("the other knows", () => b.cluster.addresses.knowsPool(id));
    b.store.cut();
    await assert.rejects(lease(b, id, "x"), refused("unavailable", "no route to host"));
    await assert.rejects(lease(b, id, "x", "10.1.0.9"), refused("unavailable", "no route to host"));
    assert.equal(cluster.memory.list("causeway/addresses").length, 0);
    a.store.expireSessions();
    await lease(a, id, "x").catch((error: unknown) => assert.ok(refused("unavailable", "")(error), String(error)));
  });

  it("made nonsense by hand is given to nobody else", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    const id = await pool(a, "10.1.0.0/30");
    await lease(a, id, "mine");
    const [record] = cluster.memory.list("causeway/addresses");
    assert.ok(record);
    cluster.memory.corrupt(record.key.replace("10.1.0.1", "10.1.0.2"), "nonsense");
    assert.equal(await lease(a, id, "other"), undefined);
    await assert.rejects(lease(a, id, "other", "10.1.0.2"), refused("forbidden", "Address already in use"));
    cluster.memory.corrupt(record.key, "nonsense");
    await until("ours is whole again", () => cluster.memory.get(record.key)?.value === record.value);
  });

  it("is held by one alone when three hosts lease three thousand at once, for little more than a request each", async () => {
    const cluster = new TestCluster();
    await using a = await cluster.host();
    await using b = await cluster.host();
    await using c = await cluster.host();
    const hosts = [a, b, c];
    const id = await pool(a, "10.1.0.0/20");
    await until("all know", () => hosts.every((host) => host.cluster.addresses.knowsPool(id)));
    const before = cluster.memory.requests;
    const given = await Promise.all(
      hosts.flatMap((host) => Array.from({ length: 1_000 }, (_, index) => lease(host, id, `e${index}`))),
    );
    assert.equal(new Set(given).size, 3_000);
    assert.ok(!given.includes(undefined));
    assert.ok(cluster.memory.requests - before <= 3_300, `${cluster.memory.requests - before} requests`);
    assert.equal(cluster.memory.list("causeway/addresses").length, 3_000);
  });

  it("is held by one alone when ten hosts fill a subnet together, and not one is left over", async () => {
    const cluster = new TestCluster();
    await using stack = new AsyncDisposableStack();
    const hosts: TestHost[] = [];
    for (let count = 0; count < 10; count++) hosts.push(stack.use(await cluster.host()));
    const [first] = hosts;
    assert.ok(first);
    const id = await pool(first, "10.1.0.0/24");
    await until("all know", () => hosts.every((host) => host.cluster.addresses.knowsPool(id)));
    const given = await Promise.all(
      hosts.map(async (host) => {
        const mine: string[] = [];
        for (
          let next = await lease(host, id, "e0");
          next !== undefined;
          next = await lease(host, id, `e${mine.length}`)
        ) {
          mine.push(next);
        }
        return mine;
      }),
    );
    assert.equal(given.flat().length, 254);
    assert.equal(new Set(given.flat()).size, 254);
  });

  it("of an endpoint that was never made is free after a restart", async () => {
    const cluster = new TestCluster();
    const first = await cluster.host({ name: "a", address: "192.0.2.9" });
    const { id, poolId } = await testNetwork(first, "shop");
    const used = await lease(first, poolId, "used");
    await lease(first, poolId, "gateway", "10.0.0.250");
    await lease(first, poolId, "unused", "10.0.0.99");
    await first.cluster.putEndpoint(testEndpoint(id, "c1", { addresses: [parsePrefix(`${used}/24`)] }));
    await first[Symbol.asyncDispose]();
    await using again = await cluster.host({ name: "a", address: "192.0.2.9", cache: first.cache });
    await until("given back", () => resting(cluster, "10.0.0.99"));
    assert.ok(!resting(cluster, used ?? "") && !resting(cluster, "10.0.0.250"));
    const request = { address: parseAddress(used ?? ""), holder: "whoever", again: true };
    const before = again.store.requests;
    assert.ok(await again.cluster.addresses.requestAddress(poolId, request));
    assert.equal(again.store.requests, before);
  });
});

function resting({ memory }: TestCluster, address: string): boolean {
  const found = memory.list("causeway/addresses").find(({ key }) => key.endsWith(`/${address}`));
  return found !== undefined && !found.value.includes("holder");
}
