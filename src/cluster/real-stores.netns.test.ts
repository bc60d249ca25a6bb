/** A cluster of three hosts over real servers: that what holds over the store in memory holds over each of these. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { missingStore, startStore, STORE_KINDS, type ClusterServers } from "../../test/support/cluster-servers.ts";
import { startEtcd, type EtcdServers } from "../../test/support/etcd-server.ts";
import { until } from "../../test/support/wait.ts";
import { formatAddress, parseAddress } from "../addr/ip-address.ts";
import { parsePrefix } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import { openMemoryStore } from "../store/memory-store.ts";
import type { Store } from "../store/store.ts";
import type { ClusterStore } from "./cluster-store.ts";
import type { Cluster } from "./cluster.ts";
import { TEST_OPTIONS, testEndpoint, testNetwork } from "./hosts.fixture.ts";
import { hostKey } from "./keys.ts";
import { openClusterStore } from "./open-cluster-store.ts";
import { openCluster } from "./open-cluster.ts";

/** The least that Consul takes. */
const TTL_MS = 10_000;

interface Host extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly store: ClusterStore;
  readonly cache: Store;
}

async function openHost(url: string, number: number, cache = openMemoryStore()): Promise<Host> {
  const store = await openClusterStore(url, { log: silentLog });
  const host = { name: `host-${number}`, address: parseAddress(`192.0.2.${number}`), port: 7946 };
  const options = { ...TEST_OPTIONS, ttlMs: TTL_MS, graceMs: 1_000 };
  const cluster = await openCluster({ store, cache, host, options, log: silentLog });
  const close = async (): Promise<void> => {
    await cluster[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  };
  return { cluster, store, cache, [Symbol.asyncDispose]: close };
}

async function withHosts(url: string, body: (...hosts: [Host, Host, Host]) => Promise<void>): Promise<void> {
  await using a = await openHost(url, 1);
  await using b = await openHost(url, 2);
  await using c = await openHost(url, 3);
  await body(a, b, c);
}

const isUnavailable = (error: unknown): boolean => error instanceof EngineError && error.code === "unavailable";

/** All addresses that the hosts get when each asks `count` times, `atOnce` at a time, and again where the store was away. */
async function leaseAll(hosts: readonly Host[], poolId: string, count: number, atOnce: number): Promise<string[]> {
  const leaseOne = async ({ cluster }: Host, holder: string): Promise<string> =>
    until(
      `${holder} has an address`,
      async () => {
        try {
          const leased = await cluster.addresses.requestAddress(poolId, { holder });
          return leased && formatAddress(leased);
        } catch (error) {
          if (!isUnavailable(error)) throw error;
          return undefined;
        }
      },
      60_000,
    );
  const worker = async (host: Host, holders: Iterator<number>): Promise<string[]> => {
    const mine: string[] = [];
    for (let next = holders.next(); next.done !== true; next = holders.next()) {
      mine.push(await leaseOne(host, `holder-${next.value}`));
    }
    return mine;
  };
  const workers = hosts.flatMap((host) => {
    const holders = Array.from({ length: count }, (_, index) => index).values();
    return Array.from({ length: atOnce }, async () => worker(host, holders));
  });
  return (await Promise.all(workers)).flat();
}

for (const kind of STORE_KINDS) {
  const missing = missingStore(kind);
  describe(`three hosts over ${kind}`, { skip: missing }, () => {
    let servers: ClusterServers;
    let tests = 0;
    before(async () => (servers = await startStore(kind)));
    after(async () => servers[Symbol.asyncDispose]());
    const url = (): string => `${servers.url}/cluster-${++tests}`;

    it("share networks, and endpoints of one name once", async () =>
      withHosts(url(), async (a, b, c) => {
        const { id } = await testNetwork(a, "shop");
        await until("all have it", () => [b, c].every(({ cluster }) => cluster.networks().length === 1));
        assert.deepEqual(c.cluster.networks(), a.cluster.networks());
        const made = await Promise.allSettled(
          [a, b, c].map(async ({ cluster }) => cluster.putEndpoint(testEndpoint(id, "c1"))),
        );
        assert.equal(made.filter(({ status }) => status === "fulfilled").length, 1);
        await until("all see it", () => [a, b, c].every(({ cluster }) => cluster.endpoints(id).length === 1));
        await assert.rejects(c.cluster.removeNetwork(id), /network shop has active endpoints/);
        for (const { cluster } of [a, b, c]) {
          for (const { host, id: endpoint } of cluster.endpoints(id)) {
            if (host.id === cluster.self.id) await cluster.removeEndpoint(id, endpoint);
          }
        }
        await c.cluster.removeNetwork(id);
        await until("gone", () => [a, b, c].every(({ cluster }) => cluster.networks().length === 0));
      }));

    it("lease addresses at once, none twice, and take disjoint pools", async () =>
      withHosts(url(), async (a, b, c) => {
        const pools = await Promise.all(
          [a, b, c].map(async ({ cluster }) => cluster.addresses.requestPool({ family: 4, reserved: [] })),
        );
        assert.equal(new Set(pools.map(({ id }) => id)).size, 3);
        const poolId = pools[0]?.id ?? "";
        await until("all know", () => [a, b, c].every(({ cluster }) => cluster.addresses.knowsPool(poolId)));
        const given = await leaseAll([a, b, c], poolId, 80, 4);
        assert.equal(given.length, 240);
        assert.equal(new Set(given).size, 240);
      }));

    it("refuse changes while the store is away, and go on where they were when it is back", async () =>
      withHosts(url(), async (a, b, c) => {
        const { id, poolId } = await testNetwork(a, "shop");
        await a.cluster.putEndpoint(testEndpoint(id, "c1"));
        const leaving = testEndpoint(id, "c2");
        await a.cluster.putEndpoint(leaving);
        await until("all see it", () => [b, c].every(({ cluster }) => cluster.endpoints(id).length === 2));
        await servers.kill();
        await until("all notice", () => [a, b, c].every(({ cluster }) => cluster.status().state === "away"), 30_000);
        await assert.rejects(a.cluster.putEndpoint(testEndpoint(id, "c3")), isUnavailable);
        await assert.rejects(b.cluster.addresses.requestAddress(poolId, { holder: "x" }), isUnavailable);
        await a.cluster.removeEndpoint(id, leaving.id);
        assert.equal(b.cluster.endpoints(id).length, 2);
        await servers.start();
        await until(
          "all are back",
          () => [a, b, c].every(({ cluster }) => cluster.status().state === "connected"),
          30_000,
        );
        await until(
          "all see who left",
          () => [a, b, c].every(({ cluster }) => cluster.endpoints(id).length === 1),
          30_000,
        );
        await b.cluster.putEndpoint(testEndpoint(id, "c3"));
        await until("all see who came", () => [a, b, c].every(({ cluster }) => cluster.endpoints(id).length === 2));
      }));

    it("keep a host whose daemon starts anew, past the time of its former session", async () =>
      withHosts(url(), async (a, b, c) => {
        const where = url();
        const first = await openHost(where, 9);
        await using other = await openHost(where, 8);
        const { id } = await testNetwork(first, "shop");
        await first.cluster.putEndpoint(testEndpoint(id, "c1"));
        await until("the other sees it", () => other.cluster.endpoints(id).length === 1);
        let vanished = false;
        other.cluster.subscribe(() => (vanished ||= other.cluster.endpoints(id).length === 0));
        const hourglass = await c.store.openSession(TTL_MS);
        await c.store.commit({ puts: [{ key: "hourglass", value: "", session: hourglass }] });
        await first[Symbol.asyncDispose]();
        await using again = await openHost(where, 9, first.cache);
        await hourglass.abandon();
        const key = hostKey(again.cluster.self.id);
        assert.notEqual(await again.store.get(key), undefined);
        await until("as long has passed", async () => (await c.store.get("hourglass")) === undefined, 60_000);
        assert.notEqual(await again.store.get(key), undefined);
        assert.equal(vanished, false);
        assert.equal(a.cluster.status().state, b.cluster.status().state);
      }));
  });
}

describe("three hosts over etcd with three members", { skip: missingStore("etcd") }, () => {
  let servers: EtcdServers;
  before(async () => (servers = await startEtcd({ members: 3 })));
  after(async () => servers[Symbol.asyncDispose]());

  it("lease three thousand addresses while the leader is killed twice: none twice, none lost", async () =>
    withHosts(`${servers.url}/leases`, async (a, b, c) => {
      const hosts = [a, b, c];
      const pool = await a.cluster.addresses.requestPool({
        family: 4,
        reserved: [],
        subnet: parsePrefix("10.128.0.0/19"),
      });
      await until("all know", () => hosts.every(({ cluster }) => cluster.addresses.knowsPool(pool.id)));
      const leasing = leaseAll(hosts, pool.id, 1_000, 8);
      const leased = async (): Promise<number> =>
        (await a.store.list("causeway/addresses").catch(() => [])).filter(({ value }) => value.includes("holder"))
          .length;
      for (const count of [500, 1_500]) {
        await until(`${count} are leased`, async () => (await leased()) >= count, 60_000);
        const leader = servers.members[await servers.leader()];
        await leader?.kill();
        await servers.start();
      }
      const given = await leasing;
      assert.equal(given.length, 3_000);
      assert.equal(new Set(given).size, 3_000);
      await until("the store has these and no others", async () => (await leased()) === 3_000, 30_000);
      const records = await a.store.list("causeway/addresses");
      const stored = records.filter(({ value }) => value.includes("holder")).map(({ key }) => key.split("/").at(-1));
      assert.deepEqual(new Set(stored), new Set(given));
    }));
});
