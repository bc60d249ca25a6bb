/**
 * What it costs to share networks between many hosts: N hosts in this process, each with its own client of one real etcd, its own
 * local store and its own copy of everything, and E endpoints with an address each. Prints one table: how long joins take and
 * how many requests, how soon all others know, what the store sends to each host, and the memory of a copy. Needs etcd; runs in namespaces
 * of its own.
 *
 *     node --max-old-space-size=8000 bench/cluster-scale.ts [hosts] [endpoints]
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { parseAddress } from "../src/addr/ip-address.ts";
import { randomMac } from "../src/addr/mac-address.ts";
import { parsePrefix } from "../src/addr/prefix.ts";
import { EngineError } from "../src/base/errors.ts";
import { silentLog } from "../src/base/log.ts";
import { someAtOnce } from "../src/base/some-at-once.ts";
import type { ClusterStore } from "../src/cluster/cluster-store.ts";
import type { Cluster } from "../src/cluster/cluster.ts";
import { CountedStore } from "../src/cluster/counted-store.ts";
import { openClusterStore } from "../src/cluster/open-cluster-store.ts";
import { openCluster } from "../src/cluster/open-cluster.ts";
import { DEFAULT_TIMES, DEFAULT_VXLAN_PORT } from "../src/cluster/options.ts";
import { openSqliteStore } from "../src/store/sqlite-store.ts";
import type { Store } from "../src/store/store.ts";
import { startEtcd, type EtcdServers } from "../test/support/etcd-server.ts";
import { until } from "../test/support/wait.ts";
import { isolated } from "../tools/testing/isolated.ts";
import { round, summarize } from "./side-by-side/statistics.ts";

const ENDPOINTS_PER_NETWORK = 500;
const HOSTS_AT_ONCE = 10;
/** All hosts share this process's one thread: more at once would measure how late it is. */
const JOINS_AT_ONCE = 4;
/** Joins that are timed one by one when everything is there. */
const SINGLE_JOINS = 100;
const PATIENCE_MS = 600_000;

interface Host {
  readonly number: number;
  readonly cluster: Cluster;
  readonly store: ClusterStore;
  readonly cache: Store;
}

interface Network {
  readonly id: string;
  readonly poolId: string;
}

interface Bench {
  readonly servers: EtcdServers;
  readonly directory: string;
  /** Of all hosts. */
  requests: number;
  /** Joins that were refused because the store seemed away. */
  repeated: number;
}

const table: { what: string; value: string }[] = [];

function say(what: string, value: string): void {
  table.push({ what, value });
  console.error(`${what}: ${value}`);
}

async function openHost(bench: Bench, number: number): Promise<Host> {
  const client = await openClusterStore(`${bench.servers.url}/scale`, { log: silentLog });
  const store = new CountedStore(client, () => bench.requests++);
  const cache = openSqliteStore(join(bench.directory, `host-${number}.db`));
  const cluster = await openCluster({
    store,
    cache,
    host: { name: `host-${number}`, address: parseAddress(`192.0.2.${number}`), port: 2376 },
    options: {
      ...DEFAULT_TIMES,
      defaultPools: [{ base: parsePrefix("10.0.0.0/8"), size: 22 }],
      vxlanPort: DEFAULT_VXLAN_PORT,
    },
    log: silentLog,
  });
  return { number, cluster, store, cache };
}

async function closeHost({ cluster, store, cache }: Host): Promise<void> {
  await cluster[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  cache[Symbol.dispose]();
}

async function makeNetworks({ cluster }: Host, count: number): Promise<readonly Network[]> {
  const networks: Network[] = [];
  for (let index = 0; index < count; index++) {
    const pool = await cluster.addresses.requestPool({ family: 4, reserved: [] });
    const { id } = await cluster.createNetwork({
      id: `network-${index}`,
      name: `network-${index}`,
      subnets: [{ subnet: pool.subnet }],
      body: { driver: "overlay", options: {}, labels: {} },
    });
    await cluster.addresses.requestAddress(pool.id, { holder: "gateway" });
    networks.push({ id, poolId: pool.id });
  }
  return networks;
}

/** A process that is late for its own connections loses one now and then; the user would repeat the command. */
async function joinPatiently(bench: Bench, host: Host, network: Network, id: string): Promise<void> {
  for (;;) {
    try {
      return await joinContainer(host, network, id);
    } catch (cause) {
      if (!(cause instanceof EngineError && cause.code === "unavailable")) throw cause;
      bench.repeated++;
      await until("the store is there", () => host.cluster.status().state === "connected", PATIENCE_MS);
    }
  }
}

/** As the controller does it: an address, then the endpoint. */
async function joinContainer({ cluster }: Host, network: Network, id: string): Promise<void> {
  const address = await cluster.addresses.requestAddress(network.poolId, { holder: id });
  if (address === undefined) throw new Error(`${network.id} is full`);
  await cluster.putEndpoint({
    id,
    networkId: network.id,
    name: id,
    mac: randomMac(),
    addresses: [{ address, length: 22 }],
    dnsNames: [id, id.slice(0, 12)],
  });
}

function known({ cluster }: Host, networks: readonly Network[]): number {
  return networks.reduce((sum, { id }) => sum + cluster.endpoints(id).length, 0);
}

/** Host by host, for to count for all of them at once would hold up this process for longer than its hosts' sessions last. */
async function allKnow(hosts: readonly Host[], networks: readonly Network[], endpoints: number): Promise<void> {
  for (const host of hosts) {
    await until(`host ${host.number} knows all`, () => known(host, networks) === endpoints, PATIENCE_MS);
    await nextTurn();
  }
}

async function fill(
  bench: Bench,
  hosts: readonly Host[],
  networks: readonly Network[],
  endpoints: number,
): Promise<void> {
  const before = { requests: bench.requests, sent: await sentBytes(bench.servers) };
  const started = performance.now();
  const indices = Array.from({ length: endpoints }, (_, index) => index);
  await someAtOnce(indices, JOINS_AT_ONCE, async (index) => {
    const [host, network] = [hosts[index % hosts.length], networks[index % networks.length]];
    if (host !== undefined && network !== undefined)
      await joinPatiently(bench, host, network, `endpoint-of-container-${index}`);
    if (index % 1_000 === 999) console.error(`${index + 1} made, ${seconds(performance.now() - started)} s`);
  });
  const made = performance.now();
  await allKnow(hosts, networks, endpoints);
  const converged = performance.now();
  const sent = (await sentBytes(bench.servers)) - before.sent;
  say(
    `all endpoints made, ${JOINS_AT_ONCE} joins at once`,
    `${seconds(made - started)} s (${per(endpoints, made - started)} joins/s)`,
  );
  say("until every host knows every endpoint, after the last", `${seconds(converged - made)} s`);
  say("store requests per join of a container", ((bench.requests - before.requests) / endpoints).toFixed(2));
  say("joins repeated because a connection was lost", String(bench.repeated));
  say(
    "bytes from the store per host",
    `${megabytes(sent / hosts.length)} MB (${Math.round(sent / hosts.length / endpoints)} per endpoint)`,
  );
}

/** From the call until the last of the others knows. */
async function singleJoins(bench: Bench, hosts: readonly Host[], networks: readonly Network[]): Promise<void> {
  const joins: number[] = [];
  const everywhere: number[] = [];
  for (let index = 0; index < SINGLE_JOINS; index++) {
    const host = hosts[(index * 7) % hosts.length];
    const network = networks[index % networks.length];
    if (host === undefined || network === undefined) continue;
    const expected = host.cluster.endpoints(network.id).length + 1;
    const others = hosts.map(async ({ cluster }) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const unsubscribe = cluster.subscribe(({ endpointsOf }) => {
        if (endpointsOf.has(network.id) && cluster.endpoints(network.id).length === expected) resolve();
      });
      await promise;
      unsubscribe();
    });
    const started = performance.now();
    await joinPatiently(bench, host, network, `single-${index}`);
    joins.push(performance.now() - started);
    await Promise.all(others);
    everywhere.push(performance.now() - started);
  }
  const [own, all] = [summarize(joins), summarize(everywhere)];
  say("one join, idle otherwise, median", `${round(own.median)} ms`);
  say("until all others know it, median and slowest tenth", `${round(all.median)} and ${round(all.p90)} ms`);
}

async function coldStart(bench: Bench, number: number, networks: readonly Network[], endpoints: number): Promise<void> {
  const before = bench.requests;
  let started = performance.now();
  let host = await openHost(bench, number);
  await until("it knows all", () => known(host, networks) === endpoints, PATIENCE_MS);
  say(
    "another host joins and knows everything",
    `${Math.round(performance.now() - started)} ms, ${bench.requests - before} requests`,
  );
  const [network] = networks;
  if (network !== undefined) await joinContainer(host, network, "last");
  await closeHost(host);
  started = performance.now();
  host = await openHost(bench, number);
  say("and again after a restart", `${Math.round(performance.now() - started)} ms`);
  await closeHost(host);
}

async function sentBytes(servers: EtcdServers): Promise<number> {
  const text = await (await fetch(`http://${servers.hosts[0]}/metrics`)).text();
  return Number(/^etcd_network_client_grpc_sent_bytes_total (\S+)/m.exec(text)?.[1] ?? "NaN");
}

setFlagsFromString("--expose-gc");
const collect: unknown = runInNewContext("gc");

/** In use by objects, after everything else was thrown away. */
function heapUsed(): number {
  if (typeof collect === "function") collect();
  return process.memoryUsage().heapUsed;
}

const seconds = (ms: number): string => (ms / 1000).toFixed(1);
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
const per = (count: number, ms: number): number => Math.round(count / (ms / 1000));

async function main(hostCount: number, endpoints: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "causeway-bench-"));
  await using servers = await startEtcd();
  const bench: Bench = { servers, directory, requests: 0, repeated: 0 };
  const hosts: Host[] = [];
  const empty = heapUsed();
  const started = performance.now();
  const numbers = Array.from({ length: hostCount }, (_, index) => index + 1);
  await someAtOnce(numbers, HOSTS_AT_ONCE, async (number) => hosts.push(await openHost(bench, number)));
  await until(
    "all know each other",
    () => hosts.every(({ cluster }) => cluster.hosts().length === hostCount),
    PATIENCE_MS,
  );
  say(
    `${hostCount} hosts join`,
    `${seconds(performance.now() - started)} s, ${(bench.requests / hostCount).toFixed(1)} requests each`,
  );
  const [first] = hosts;
  if (first === undefined) throw new Error("at least one host is needed");
  const networks = await makeNetworks(first, Math.ceil(endpoints / ENDPOINTS_PER_NETWORK));
  await until(
    "all know them",
    () => hosts.every(({ cluster }) => cluster.networks().length === networks.length),
    PATIENCE_MS,
  );
  const idle = heapUsed();
  say("memory of a host that knows nothing yet", `${megabytes((idle - empty) / hostCount)} MB`);
  await fill(bench, hosts, networks, endpoints);
  say("memory of a host's copy", `${megabytes((heapUsed() - idle) / hostCount)} MB`);
  await singleJoins(bench, hosts, networks);
  await coldStart(bench, hostCount + 1, networks, endpoints + SINGLE_JOINS);
  const before = bench.requests;
  for (const { cluster } of hosts) for (const { id } of networks) cluster.endpoints(id);
  say("requests for every host to list every endpoint", String(bench.requests - before));
  console.table(table);
  await Promise.all(hosts.map(closeHost));
  await rm(directory, { recursive: true, force: true });
}

const wanted = process.argv.slice(2);
if (process.env["BENCH_ISOLATED"] === undefined) {
  const command = isolated(dirname(import.meta.dirname), [
    process.execPath,
    ...process.execArgv,
    import.meta.filename,
    ...wanted,
  ]);
  const [program, ...args] = command;
  const ran = spawnSync(program, args, { stdio: "inherit", env: { ...process.env, BENCH_ISOLATED: "1" } });
  process.exitCode = ran.status ?? 1;
} else {
  await main(Number(wanted[0] ?? 100), Number(wanted[1] ?? 10_000));
}
