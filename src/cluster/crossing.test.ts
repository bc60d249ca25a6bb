/** What another host does between two requests of this one: the moments that chance would take years to find. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { until } from "../../test/support/wait.ts";
import { parsePrefix } from "../addr/prefix.ts";
import type { ClusterRecord, ClusterSession, ClusterStore, ClusterTransaction, Follower } from "./cluster-store.ts";
import { TestCluster, testEndpoint, testNetwork } from "./hosts.fixture.ts";
import { endpointsKey, hostKey, networkKey } from "./keys.ts";

/** The store, with something done once before a commit, or once after a list was answered and before anybody knows. */
class Crossed implements ClusterStore {
  beforeCommit: ((transaction: ClusterTransaction) => Promise<void> | undefined) | undefined;
  afterList: ((prefix: string) => Promise<void> | undefined) | undefined;
  readonly results: boolean[] = [];
  /** While there is one, changes come later; it is called for each. */
  late: ((deliver: () => void) => void) | undefined;
  readonly #store: ClusterStore;

  constructor(store: ClusterStore) {
    this.#store = store;
  }

  get address(): string {
    return this.#store.address;
  }

  async get(key: string): Promise<ClusterRecord | undefined> {
    return this.#store.get(key);
  }

  async list(prefix: string): Promise<readonly ClusterRecord[]> {
    const records = await this.#store.list(prefix);
    const crossing = this.afterList?.(prefix);
    if (crossing !== undefined) {
      this.afterList = undefined;
      await crossing;
    }
    return records;
  }

  async commit(transaction: ClusterTransaction): Promise<boolean> {
    const crossing = this.beforeCommit?.(transaction);
    if (crossing === undefined) return this.#store.commit(transaction);
    this.beforeCommit = undefined;
    await crossing;
    const result = await this.#store.commit(transaction);
    this.results.push(result);
    return result;
  }

  async follow(prefix: string, follower: Follower): Promise<AsyncDisposable> {
    return this.#store.follow(prefix, {
      replace: (records) => follower.replace(records),
      connection: (state, reason) => follower.connection(state, reason),
      change: (puts, removes) => {
        const deliver = (): void => follower.change(puts, removes);
        if (this.late === undefined) deliver();
        else this.late(deliver);
      },
    });
  }

  async openSession(ttlMs: number): Promise<ClusterSession> {
    return this.#store.openSession(ttlMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }
}

function crossed(): { readonly wrap: (store: ClusterStore) => ClusterStore; readonly store: () => Crossed } {
  let made: Crossed | undefined;
  return {
    wrap: (store) => (made = new Crossed(store)),
    store: () => made ?? assert.fail("no host was opened with it"),
  };
}

for (const isLate of [false, true]) {
  const who = isLate ? "by a host that is late" : "by one that knows of the removal";
  it(`an endpoint made after the network was found empty, ${who}, keeps the network`, async () =>
    endpointKeeps(isLate));
}

async function endpointKeeps(isLate: boolean): Promise<void> {
  const cluster = new TestCluster();
  const [crossing, other] = [crossed(), crossed()];
  await using a = await cluster.host({ wrap: crossing.wrap });
  await using b = await cluster.host({ wrap: other.wrap });
  const { id } = await testNetwork(a, "shop");
  await until("the other has it", () => b.cluster.networks().length === 1);
  const waiting: (() => void)[] = [];
  if (isLate) other.store().late = (deliver) => waiting.push(deliver);
  crossing.store().afterList = (prefix) =>
    prefix === endpointsKey(id) ? b.cluster.putEndpoint(testEndpoint(id, "c1")) : undefined;
  await assert.rejects(a.cluster.removeNetwork(id), /network shop has active endpoints/);
  for (const deliver of waiting) deliver();
  assert.ok(cluster.memory.get(networkKey(id)));
  assert.equal(b.cluster.endpoints(id).length, 1);
}

it("an overlapping pool taken after all pools were read refuses the other", async () => {
  const cluster = new TestCluster();
  const crossing = crossed();
  await using a = await cluster.host({ wrap: crossing.wrap });
  await using b = await cluster.host();
  const take = (host: typeof a, subnet: string) =>
    host.cluster.addresses.requestPool({ family: 4, reserved: [], subnet: parsePrefix(subnet) });
  await take(a, "10.9.0.0/24");
  crossing.store().afterList = (prefix) =>
    prefix.endsWith("/pools") ? take(b, "10.0.0.0/16").then(() => undefined) : undefined;
  await assert.rejects(take(a, "10.0.5.0/24"), /Pool overlaps with other one/);
  assert.equal(cluster.memory.list("causeway/pools").length, 2);
});

it("a host that comes back while another gives it up keeps what it has", async () => {
  const cluster = new TestCluster();
  const crossing = crossed();
  await using a = await cluster.host();
  await using b = await cluster.host({ wrap: crossing.wrap });
  const { id, poolId } = await testNetwork(a, "shop");
  await a.cluster.addresses.requestAddress(poolId, { holder: "c1" });
  await a.cluster.putEndpoint(testEndpoint(id, "c1"));
  await until("known", () => b.cluster.endpoints(id).length === 1);
  const key = hostKey(a.cluster.self.id);
  const records = cluster.memory.list(endpointsKey(id));
  crossing.store().beforeCommit = ({ checks = [] }) =>
    checks.some((check) => check.key === key && "is" in check && check.is === "absent")
      ? (async () => {
          a.store.heal();
          await until("it is back", () => cluster.memory.get(key) !== undefined);
        })()
      : undefined;
  a.store.cut();
  a.store.expireSessions();
  await until("the other tried", () => crossing.store().results.length > 0);
  assert.deepEqual(crossing.store().results, [false]);
  assert.deepEqual(cluster.memory.list(endpointsKey(id)), records);
  assert.equal(cluster.memory.list("causeway/addresses").length, 1);
});

it("a host whose session ended a moment ago writes nothing", async () => {
  const cluster = new TestCluster();
  const crossing = crossed();
  await using a = await cluster.host({ wrap: crossing.wrap });
  const { id, poolId } = await testNetwork(a, "shop");
  const end = async (): Promise<void> => cluster.memory.corrupt(hostKey(a.cluster.self.id), undefined);
  const changes = [
    async () => a.cluster.addresses.requestAddress(poolId, { holder: "c1" }),
    async () => a.cluster.putEndpoint(testEndpoint(id, "c1")),
    async () => a.cluster.removeNetwork(id),
  ];
  for (const change of changes) {
    await until("it lives", () => cluster.memory.get(hostKey(a.cluster.self.id)) !== undefined);
    crossing.store().results.length = 0;
    crossing.store().beforeCommit = ({ puts = [] }) => (puts.some(({ session }) => session) ? undefined : end());
    await change().catch(() => undefined);
    assert.deepEqual(crossing.store().results, [false]);
  }
});
