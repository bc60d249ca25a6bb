/** Hosts of one cluster in this process, over the store in memory, for tests: each with a cache of its own that outlives it. */
import { parseAddress } from "../addr/ip-address.ts";
import { parseMac } from "../addr/mac-address.ts";
import { parsePrefix } from "../addr/prefix.ts";
import type { Log } from "../base/log.ts";
import { openMemoryStore } from "../store/memory-store.ts";
import type { Store } from "../store/store.ts";
import type { ClusterStore } from "./cluster-store.ts";
import type { Cluster, OwnEndpoint } from "./cluster.ts";
import type { MemoryClusterStore } from "./memory/memory-cluster-store.ts";
import { MemoryCluster } from "./memory/memory-cluster.ts";
import { openCluster } from "./open-cluster.ts";
import type { ClusterOptions } from "./options.ts";

/** Short, so that tests see what comes of them; an expiry is told to the store, not waited for. */
export const TEST_OPTIONS: ClusterOptions = {
  ttlMs: 60_000,
  graceMs: 100,
  reuseDelayMs: 60_000,
  defaultPools: [{ base: parsePrefix("10.0.0.0/8"), size: 24 }],
  vxlanPort: 4789,
};

export interface TestHost extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly store: MemoryClusterStore;
  /** What was logged, as "level message". */
  readonly lines: string[];
  readonly cache: Store;
}

export interface TestHostOptions {
  readonly name?: string;
  readonly address?: string;
  readonly cache?: Store;
  readonly options?: Partial<ClusterOptions>;
  readonly store?: MemoryClusterStore;
  /** What the host uses in place of its store: for tests of what comes in between. */
  readonly wrap?: (store: ClusterStore) => ClusterStore;
  /** Added to the clock that only runs forward. */
  readonly skip?: { ms: number };
  /** Added to the wall clock. */
  readonly wall?: { ms: number };
}

export class TestCluster {
  readonly memory = new MemoryCluster();
  #count = 0;

  /** Another host; unless said otherwise with a name and an address that no other has. */
  async host(options: TestHostOptions = {}): Promise<TestHost> {
    const number = ++this.#count;
    const { name = `host-${number}`, address = `192.0.2.${number}`, cache = openMemoryStore() } = options;
    const { wrap = (plain) => plain } = options;
    const { store = this.memory.client(), skip = { ms: 0 }, wall = { ms: 0 } } = options;
    const lines: string[] = [];
    const cluster = await openCluster({
      store: wrap(store),
      cache,
      host: { name, address: parseAddress(address), port: 7946 },
      options: { ...TEST_OPTIONS, ...options.options },
      log: recordingLog(lines),
      clock: { now: () => Date.now() + wall.ms, elapsedMs: () => performance.now() + skip.ms },
    });
    return { cluster, store, lines, cache, [Symbol.asyncDispose]: async () => cluster[Symbol.asyncDispose]() };
  }
}

/** A network with a pool of its own. */
export async function testNetwork(
  { cluster }: Pick<TestHost, "cluster">,
  name: string,
  subnet?: string,
): Promise<{ readonly id: string; readonly poolId: string }> {
  const wanted = subnet === undefined ? {} : { subnet: parsePrefix(subnet) };
  const pool = await cluster.addresses.requestPool({ family: 4, reserved: [], ...wanted });
  const network = await cluster.createNetwork({
    id: `network-${name}`,
    name,
    subnets: [{ subnet: pool.subnet }],
    body: { of: name },
  });
  return { id: network.id, poolId: pool.id };
}

function recordingLog(lines: string[]): Log {
  const at = (level: string) => (_fields: object, message: string) => void lines.push(`${level} ${message}`);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

let endpointsMade = 0;

export function testEndpoint(networkId: string, name: string, fields: Partial<OwnEndpoint> = {}): OwnEndpoint {
  const number = ++endpointsMade;
  return {
    id: `endpoint-${number}`,
    networkId,
    name,
    mac: parseMac("02:42:00:00:00:01"),
    addresses: [parsePrefix("10.0.0.2/24")],
    dnsNames: [name],
    ...fields,
  };
}
