/** Two hosts as their dockerds see them: calls in dockerd's order, over fakes of everything below the controller. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../../../test/support/wait.ts";
import { parseAddress } from "../../addr/ip-address.ts";
import { formatPrefix, parsePrefix } from "../../addr/prefix.ts";
import { EngineError } from "../../base/errors.ts";
import { silentLog } from "../../base/log.ts";
import { FakeHosts, type FakeHost } from "../../controller/testing/fake-hosts.ts";
import { HOST } from "../../kernel/facts.ts";
import type { IpamDriverHandlers, LeasedPool, PoolRequest } from "../ipam-driver.ts";
import type { NetworkDriverHandlers, NetworkRequest } from "../network-driver.ts";
import { Bindings } from "./bindings.ts";
import { ADDRESS_SPACE, ipamHandlers, releaseStrayLeases } from "./ipam.ts";
import { leaveLate } from "./leave-shared.ts";
import { networkHandlers } from "./network.ts";

const NAMED = { options: { "causeway.network": "shop" } };
const EMPTY: PoolRequest = { addressSpace: ADDRESS_SPACE, family: 4, options: {} };

interface Plugin {
  readonly ipam: IpamDriverHandlers;
  readonly network: NetworkDriverHandlers;
}

const plugins = new WeakMap<FakeHost["controller"], Plugin>();

/** A dockerd's plugin, made anew over the host's store after a restart. */
function pluginOf({ controller, parts }: FakeHost): Plugin {
  const known = plugins.get(controller);
  if (known !== undefined) return known;
  const bindings = new Bindings(parts.store, silentLog);
  const common = { controller, bindings, driver: "overlay" } as const;
  const network = networkHandlers({ ...common, kernel: parts.kernel, log: silentLog, onJoin: () => undefined });
  const plugin = { ipam: ipamHandlers(common), network };
  plugins.set(controller, plugin);
  return plugin;
}

function networkRequest(networkId: string, ...pools: readonly LeasedPool[]): NetworkRequest {
  const data = pools.map(({ subnet, gateway }) => ({
    addressSpace: ADDRESS_SPACE,
    subnet,
    auxiliary: {},
    ...(gateway && { gateway }),
  }));
  return {
    networkId,
    options: {},
    internal: false,
    enableIPv4: true,
    enableIPv6: data.some(({ subnet }) => subnet.address.family === 6),
    ipv4: data.filter(({ subnet }) => subnet.address.family === 4),
    ipv6: data.filter(({ subnet }) => subnet.address.family === 6),
  };
}

/** `docker network create`, as far as it concerns us. */
async function create(host: FakeHost, networkId: string, wish: Partial<PoolRequest> = NAMED): Promise<LeasedPool> {
  const { ipam, network } = pluginOf(host);
  const pool = await ipam.requestPool({ ...EMPTY, ...wish });
  await network.createNetwork(networkRequest(networkId, pool));
  return pool;
}

/** `docker network rm`. */
async function remove(host: FakeHost, networkId: string, { poolId, gateway }: LeasedPool): Promise<void> {
  const { ipam, network } = pluginOf(host);
  await network.deleteNetwork({ networkId });
  if (gateway !== undefined) await ipam.releaseAddress({ poolId, address: gateway.address });
  await ipam.releasePool({ poolId });
}

interface Container {
  readonly endpointId: string;
  readonly networkId: string;
  readonly sandboxKey: string;
}

/** `docker run`; gives its address. */
async function run(host: FakeHost, container: Container, { poolId }: LeasedPool): Promise<string> {
  const { ipam, network } = pluginOf(host);
  const address = await ipam.requestAddress({ poolId, purpose: "endpoint", options: {} });
  const made = await network.createEndpoint({
    ...container,
    interface: { address },
    exposed: [],
    published: [],
    options: {},
  });
  assert.ok(made?.mac);
  host.parts.kernel.meddle({ add: { kind: "namespace", path: container.sandboxKey } });
  await network.join({ ...container, options: {} });
  return formatPrefix(address);
}

const [A, B] = ["a".repeat(64), "b".repeat(64)] as const;
const C1: Container = { endpointId: "c1".repeat(32), networkId: A, sandboxKey: "/run/docker/netns/c1" };
const C2: Container = { endpointId: "c2".repeat(32), networkId: B, sandboxKey: "/run/docker/netns/c2" };

const C3: Container = { endpointId: "c3".repeat(32), networkId: A, sandboxKey: "/run/docker/netns/c3" };

async function knows(host: FakeHost, name = "shop"): Promise<void> {
  await until(`${host.name} knows ${name}`, () => host.controller.networks().some((network) => network.name === name));
}

const refused = (code: EngineError["code"], message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof EngineError);
  assert.match(error.message, message);
  assert.equal(error.code, code);
  return true;
};

test("networks of one name have one subnet, gateway and pool on all hosts, and no address twice", async () => {
  await using all = await FakeHosts.open(2);
  const [one, two] = [all.host(1), all.host(2)];
  const pool = await create(one, A);
  await knows(two);
  assert.deepEqual(await create(two, B), pool);
  const first = await run(one, C1, pool);
  assert.notEqual(await run(two, C2, pool), first);
  assert.match(first, /\/24$/);
});

test("a network is joined by its subnet too, also one that causewayd made", async () => {
  await using all = await FakeHosts.open(2);
  const [one, two] = [all.host(1), all.host(2)];
  const subnet = parsePrefix("10.77.0.0/24");
  await one.controller.createNetwork({ name: "stock", driver: "overlay", ipam: { pools: [{ family: 4, subnet }] } });
  await knows(two, "stock");
  const pool = await create(two, B, { subnet });
  assert.equal(formatPrefix(pool.subnet), "10.77.0.0/24");
  await run(two, C2, pool);
  assert.equal(one.controller.networks().filter(({ scope }) => scope === "global").length, 1);
});

test("both address families are one network", async () => {
  await using all = await FakeHosts.open(2);
  const [one, two] = [all.host(1), all.host(2)];
  const wish = { ...EMPTY, ...NAMED };
  const subnet = parsePrefix("fd00:77::/64");
  const ask = async (host: FakeHost): Promise<readonly LeasedPool[]> => {
    const { ipam } = pluginOf(host);
    return [await ipam.requestPool(wish), await ipam.requestPool({ ...wish, family: 6, subnet })];
  };
  const pools = await ask(one);
  await pluginOf(one).network.createNetwork(networkRequest(A, ...pools));
  await knows(two);
  assert.deepEqual(await ask(two), pools);
  await pluginOf(two).network.createNetwork(networkRequest(B, ...pools));
});

test("what cannot be is refused", async () => {
  await using all = await FakeHosts.open(1);
  const host = all.host(1);
  const { ipam, network } = pluginOf(host);
  const ask = (wish: Partial<PoolRequest>) => async () => ipam.requestPool({ ...EMPTY, ...wish });
  await assert.rejects(ask({}), refused("invalid-argument", /--ipam-opt causeway.network=NAME/));
  await assert.rejects(ask({ options: { "causeway.network": "a/b" } }), refused("invalid-argument", /letters, digits/));
  const pool = await create(host, A);
  const other = { ...NAMED, subnet: parsePrefix("10.5.0.0/24") };
  await assert.rejects(ask(other), refused("invalid-argument", /shop of the cluster has no subnet 10\.5\.0\.0\/24/));
  await assert.rejects(ask({ ...NAMED, family: 6 }), refused("invalid-argument", /no IPv6 subnet/));
  const range = parsePrefix("10.0.0.128/25");
  await assert.rejects(ask({ ...NAMED, range }), refused("invalid-argument", /leave --ip-range out/));
  const gateway = { poolId: pool.poolId, purpose: "gateway" as const, options: {} };
  const elsewhere = parseAddress("10.0.0.9");
  await assert.rejects(
    async () => ipam.requestAddress({ ...gateway, address: elsewhere }),
    refused("invalid-argument", /is 10\.0\.0\.1/),
  );
  const foreign = {
    ...networkRequest(B, pool),
    ipv4: [{ addressSpace: "LocalDefault", subnet: pool.subnet, auxiliary: {} }],
  };
  await assert.rejects(
    async () => network.createNetwork(foreign),
    refused("invalid-argument", /--ipam-driver causeway/),
  );
  await assert.rejects(async () => network.join({ ...C2, options: {} }), refused("not-found", /not Causeway's/));
});

test("a subnet that overlaps a route of the host is refused at once, for dockerd would ask for ever", async () => {
  await using all = await FakeHosts.open(2);
  const [one, two] = [all.host(1), all.host(2)];
  const pool = await create(one, A);
  await knows(two);
  const link = { kind: "link", namespace: HOST, name: "tun0", device: { type: "dummy" }, up: true } as const;
  two.parts.kernel.meddle({ add: link });
  const destination = parsePrefix("10.0.0.0/8");
  two.parts.kernel.meddle({ add: { kind: "route", namespace: HOST, link: "tun0", destination } });
  await assert.rejects(
    create(two, B),
    refused("forbidden", /overlaps this host's route to 10\.0\.0\.0\/8; add --subnet/),
  );
  await create(two, B, { ...NAMED, subnet: pool.subnet });
});

test("the interface is handed over, comes back, and may be asked for again", async () => {
  await using all = await FakeHosts.open(1);
  const host = all.host(1);
  const pool = await create(host, A);
  const before = host.parts.kernel.facts();
  const { network } = pluginOf(host);
  await run(host, C1, pool);
  const handed = host.parts.kernel.facts().find((fact) => fact.kind === "link" && fact.device.type === "veth");
  assert.ok(handed?.kind === "link" && handed.device.type === "veth");
  assert.deepEqual(
    { namespace: handed.device.peer.namespace, up: handed.device.peer.up },
    { namespace: HOST, up: false },
  );
  const again = await network.join({ ...C1, options: {} });
  assert.equal(again.interface?.sourceName, handed.device.peer.name);
  await until("names are served inside", () => host.parts.dns.served.has(C1.sandboxKey));
  await network.leave(C1);
  await network.leave(C1);
  assert.equal(host.parts.dns.served.size, 0);
  await network.deleteEndpoint(C1);
  await network.deleteEndpoint(C1);
  host.parts.kernel.meddle({ remove: { kind: "namespace", path: C1.sandboxKey } });
  assert.deepEqual(host.parts.kernel.facts(), before);
  assert.deepEqual(host.parts.store.list("endpoints"), []);
});

test("names go to all hosts; two containers of one name both keep it", async () => {
  await using all = await FakeHosts.open(2);
  const [one, two] = [all.host(1), all.host(2)];
  const pool = await create(one, A);
  await knows(two);
  await create(two, B);
  await run(one, C1, pool);
  await run(two, C2, pool);
  const names = { name: "web", dnsNames: ["web", "www"] };
  await one.controller.lending.nameEndpoint(C1.endpointId, names);
  await two.controller.lending.nameEndpoint(C2.endpointId, names);
  const [shop] = two.controller.networks().filter(({ name }) => name === "shop");
  await until("the name is known", () => two.controller.peers(shop?.id ?? "").some(({ name }) => name === "web"));
  const own = two.controller.lending.endpoints()[0];
  assert.match(own?.name ?? "", /^web-c2c2/);
  assert.deepEqual(own?.dnsNames, ["web", "www"]);
});

test("a restart of the plugin finds all as it was; what dockerd ended meanwhile is given up", async () => {
  await using all = await FakeHosts.open(1);
  const host = all.host(1);
  const pool = await create(host, A);
  const address = await run(host, C1, pool);
  await run(host, C3, pool);
  await until("names are served inside", () => host.parts.dns.served.size === 2);
  const facts = host.parts.kernel.facts();
  await host.close();
  await host.open();
  assert.deepEqual(host.parts.kernel.facts(), facts);
  assert.equal(host.controller.startReport.steps, 0);
  assert.ok(host.parts.dns.served.has(C1.sandboxKey));
  await host.close();
  host.parts.kernel.meddle({ remove: { kind: "namespace", path: C1.sandboxKey } });
  await host.open();
  assert.deepEqual(
    host.controller.lending.endpoints().map(({ id }) => id),
    [C3.endpointId],
  );
  const veths = host.parts.kernel.facts().filter((fact) => fact.kind === "link" && fact.device.type === "veth");
  assert.equal(veths.length, 1);
  const { ipam } = pluginOf(host);
  const asked = {
    poolId: pool.poolId,
    purpose: "endpoint" as const,
    options: {},
    address: parsePrefix(address).address,
  };
  assert.equal(formatPrefix(await ipam.requestAddress(asked)), address);
});

test("an endpoint whose sandbox is gone at two looks is taken back, with its address", async () => {
  await using all = await FakeHosts.open(1);
  const host = all.host(1);
  const pool = await create(host, A);
  const address = parsePrefix(await run(host, C1, pool)).address;
  await run(host, C3, pool);
  const { lending } = host.controller;
  await lending.lookForLost();
  host.parts.kernel.meddle({ remove: { kind: "namespace", path: C1.sandboxKey } });
  await lending.lookForLost();
  assert.equal(lending.endpoints().length, 2, "it may be one that is being made");
  await lending.lookForLost();
  assert.deepEqual(
    lending.endpoints().map(({ id }) => id),
    [C3.endpointId],
  );
  const asked = { poolId: pool.poolId, purpose: "endpoint" as const, options: {}, address };
  await pluginOf(host).ipam.requestAddress(asked);
});

test("an address that dockerd never made an endpoint with is free after a restart; made after all, it has it", async () => {
  await using all = await FakeHosts.open(1);
  const host = all.host(1);
  const pool = await create(host, A);
  const { ipam } = pluginOf(host);
  const ask = { poolId: pool.poolId, purpose: "endpoint" as const, options: {} };
  const address = await ipam.requestAddress(ask);
  await run(host, C1, pool);
  await host.close();
  await host.open();
  const bindings = new Bindings(host.parts.store, silentLog);
  await releaseStrayLeases(host.controller, bindings);
  assert.equal(bindings.leases().length, 1);
  const made = { ...C3, interface: { address }, exposed: [], published: [], options: {} };
  await pluginOf(host).network.createEndpoint(made);
  await assert.rejects(
    async () => pluginOf(host).ipam.requestAddress({ ...ask, address: address.address }),
    refused("forbidden", /Address already in use/),
  );
});

test("the cluster's network goes with the last host's; one that was idle makes it again as it was", async () => {
  await using all = await FakeHosts.open(2);
  const [one, two] = [all.host(1), all.host(2)];
  const pool = await create(one, A);
  await knows(two);
  await create(two, B);
  await run(two, C2, pool);
  await remove(one, A, pool);
  assert.ok(
    two.controller.networks().some(({ name }) => name === "shop"),
    "the other's container keeps it",
  );
  const { ipam, network } = pluginOf(two);
  await network.leave(C2);
  await network.deleteEndpoint(C2);
  await create(one, A);
  await remove(one, A, pool);
  await until("it is gone", () => !two.controller.networks().some(({ name }) => name === "shop"));
  await Promise.all([run(two, C2, pool), run(two, { ...C3, networkId: B }, pool)]);
  const [shop] = two.controller.networks().filter(({ name }) => name === "shop");
  assert.equal(shop?.pools[0]?.poolId, pool.poolId);
  for (const container of [C2, C3]) {
    await network.leave(container);
    await network.deleteEndpoint(container);
  }
  await remove(two, B, pool);
  assert.ok(!two.controller.networks().some(({ name }) => name === "shop"));
  assert.ok(await ipam.requestPool({ ...EMPTY, ...NAMED, subnet: pool.subnet }), "its subnet is free");
});

test("a gateway of the user's choice is everybody's, also when the network is made again", async () => {
  await using all = await FakeHosts.open(2);
  const [one, two] = [all.host(1), all.host(2)];
  const { ipam, network } = pluginOf(one);
  const pool = await ipam.requestPool({ ...EMPTY, ...NAMED, subnet: parsePrefix("10.9.0.0/24") });
  const asked = { poolId: pool.poolId, purpose: "gateway" as const, options: {}, address: parseAddress("10.9.0.254") };
  const gateway = await ipam.requestAddress(asked);
  await network.createNetwork(networkRequest(A, { ...pool, gateway }));
  await knows(two);
  assert.deepEqual((await create(two, B)).gateway, gateway);
  await remove(one, A, { ...pool, gateway });
  await until("it is gone", () => !two.controller.networks().some(({ name }) => name === "shop"));
  assert.match(await run(two, C2, pool), /^10\.9\.0\./);
  await create(one, A);
  assert.deepEqual(one.controller.networks().find(({ name }) => name === "shop")?.pools[0]?.gateway, gateway.address);
});

test("two hosts that make a network at the same moment: the later one is told to do it again", async () => {
  await using all = await FakeHosts.open(2);
  const [one, two] = [all.host(1), all.host(2)];
  const pools = [one, two].map(async (host) => pluginOf(host).ipam.requestPool({ ...EMPTY, ...NAMED }));
  const [first, second] = await Promise.all(pools);
  assert.ok(first && second);
  await pluginOf(one).network.createNetwork(networkRequest(A, first));
  const late = async () => pluginOf(two).network.createNetwork(networkRequest(B, second));
  await assert.rejects(
    late,
    refused("conflict", /shop already exists, by another host at this moment: create it again/),
  );
  await pluginOf(two).ipam.releasePool({ poolId: second.poolId });
  await knows(two);
  assert.deepEqual(await create(two, B), first);
});

test("a network that the last host leaves while the store is away goes when it is back", async () => {
  await using all = await FakeHosts.open(2);
  const [one, two] = [all.host(1), all.host(2)];
  const pool = await create(one, A);
  await knows(two);
  one.client.cut();
  await until("the store is away", () => one.parts.cluster?.status().state === "away");
  await remove(one, A, pool).catch(() => undefined);
  const bindings = new Bindings(one.parts.store, silentLog);
  const parts = { controller: one.controller, bindings, log: silentLog };
  assert.equal(bindings.left().length, 1);
  await leaveLate(parts);
  assert.equal(bindings.left().length, 1, "it is away still");
  one.client.heal();
  await until("the store is back", () => one.parts.cluster?.status().state === "connected");
  await leaveLate(parts);
  assert.deepEqual(bindings.left(), []);
  await until("it is gone", () => !two.controller.networks().some(({ name }) => name === "shop"));
});
