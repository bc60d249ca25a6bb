/** The way out of containers whose networks offer none: when it comes and goes, what it carries, and who sees it. */
import assert from "node:assert/strict";
import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { formatPrefix, parsePrefix } from "../addr/prefix.ts";
import { parseAddress } from "../addr/ip-address.ts";
import { createBridgeDriver } from "../drivers/bridge/bridge-driver.ts";
import type { Driver } from "../drivers/driver.ts";
import type { KernelFact } from "../kernel/facts.ts";
import type { EndpointSpec, SandboxSpec } from "./cnm.ts";
import type { Controller } from "./controller.ts";
import { GATEWAY_NETWORK } from "./gateway-endpoint.ts";
import { FakeParts } from "./testing/fake-parts.ts";

/** As an overlay: containers reach each other and nothing else. */
function farDriver(): Driver {
  const bridge = createBridgeDriver();
  return {
    ...bridge,
    name: "far",
    joinInfo: (network, endpoint) => ({
      ...bridge.joinInfo(network, endpoint),
      gateways: [],
      wantsGatewayNetwork: true,
    }),
  };
}

async function withFar(run: (parts: FakeParts, controller: Controller) => Promise<void>): Promise<void> {
  await using parts = await FakeParts.create();
  parts.drivers = [farDriver()];
  const controller = await parts.open();
  await controller.createNetwork({ name: "shop", driver: "far" });
  await run(parts, controller);
}

/** `eth0 shop, eth1 docker_gwbridge` */
function interfaces(controller: Controller, id: string): string {
  const joined = controller.findSandbox(id)?.endpoints ?? [];
  const texts = joined.map(({ endpoint, network }) => `${endpoint.attachment?.interfaceName} ${network.name}`);
  return texts.sort().join(", ");
}

function defaultRoutes(parts: FakeParts): readonly string[] {
  return parts.kernel
    .facts()
    .filter((fact): fact is KernelFact & { kind: "route" } => fact.kind === "route" && fact.destination.length === 0)
    .map(({ link }) => link);
}

function publishedOn(controller: Controller, id: string): readonly string[] {
  return (controller.findSandbox(id)?.endpoints ?? []).flatMap(({ endpoint, network }) =>
    endpoint.ports.flatMap(({ hostPorts }) => (hostPorts === undefined ? [] : [`${network.name} ${hostPorts.first}`])),
  );
}

const ports: SandboxSpec["ports"] = [{ protocol: "tcp", containerPort: 80, hostAddress: parseAddress("0.0.0.0") }];
const on = (network: string): EndpointSpec => ({ network, name: "c1" });

test("a container on a network without a way out has one on docker_gwbridge, behind its own interfaces", async () => {
  await withFar(async (parts, controller) => {
    const { id } = await controller.createSandbox({ ...parts.spec("c1", "shop"), ports });
    assert.equal(interfaces(controller, id), "eth0 shop, eth1 docker_gwbridge");
    assert.deepEqual(defaultRoutes(parts), ["eth1"]);
    assert.equal(publishedOn(controller, id).length, 1);
    assert.match(publishedOn(controller, id)[0] ?? "", /^docker_gwbridge \d+$/);
    const network = controller.findNetwork(GATEWAY_NETWORK);
    assert.deepEqual(network.options, {
      "com.docker.network.bridge.name": "docker_gwbridge",
      "com.docker.network.bridge.enable_icc": "false",
      "com.docker.network.bridge.enable_ip_masquerade": "true",
    });
    assert.deepEqual([network.driver, network.scope, network.enableIPv6], ["bridge", "local", false]);
    const names = controller.endpoints(network.id).map(({ name }) => name);
    assert.deepEqual(names, [`gateway_${id.slice(0, 12)}`]);
  });
});

test("nobody finds the container by that endpoint, and nobody is told of it", async () => {
  await withFar(async (parts, controller) => {
    const { id } = await controller.createSandbox(parts.spec("c1", "shop"));
    const view = controller.findSandbox(id);
    const hidden = view?.endpoints.filter(({ automatic }) => automatic === true) ?? [];
    assert.deepEqual(
      hidden.map(({ network }) => network.name),
      [GATEWAY_NETWORK],
    );
    const gatewayId = controller.findNetwork(GATEWAY_NETWORK).id;
    assert.deepEqual(
      [...parts.dns.endpoints.values()].filter(({ networkId }) => networkId === gatewayId),
      [],
    );
    const resolver = parts.dns.sandboxes.get(id);
    assert.deepEqual(resolver?.networkIds, [controller.findNetwork("shop").id]);
    assert.equal(resolver.external, true);
    const hosts = await readFile(join(parts.directory, "hosts"), "utf8");
    const [address] = hidden.flatMap(({ endpoint }) => endpoint.addresses.map(formatPrefix));
    assert.ok(address !== undefined && !hosts.includes(address.split("/")[0] ?? ""), hosts);
    await controller.renameEndpoints(id, "c2", ["c2"]);
    assert.equal(controller.endpoints(gatewayId)[0]?.name, `gateway_${id.slice(0, 12)}`);
    await controller.removeSandbox(id);
    const told = parts.events.filter(({ action, actorId }) => actorId === gatewayId && action !== "create");
    assert.deepEqual(told, []);
  });
});

test("it goes when another network offers a gateway and comes back when that is left; the ports keep their number", async () => {
  await withFar(async (parts, controller) => {
    const { id } = await controller.createSandbox({ ...parts.spec("c1", "shop"), ports });
    const number = publishedOn(controller, id)[0]?.split(" ")[1];
    const added = await controller.connect(id, on("bridge"));
    assert.equal(interfaces(controller, id), "eth0 shop, eth2 bridge");
    assert.deepEqual(publishedOn(controller, id), [`bridge ${number}`]);
    assert.deepEqual(defaultRoutes(parts), ["eth2"]);
    assert.equal(controller.endpoints(controller.findNetwork(GATEWAY_NETWORK).id).length, 0);
    await controller.disconnect(added.id);
    assert.equal(interfaces(controller, id), "eth0 shop, eth1 docker_gwbridge");
    assert.deepEqual(publishedOn(controller, id), [`docker_gwbridge ${number}`]);
    assert.deepEqual(defaultRoutes(parts), ["eth1"]);
    assert.equal(parts.ports.heldPorts().length, 1);
  });
});

test("it comes with the network that lacks a way out, and goes with it", async () => {
  await withFar(async (parts, controller) => {
    await controller.createNetwork({ name: "inside", internal: true });
    const { id } = await controller.createSandbox(parts.spec("c1", "inside"));
    const far = await controller.connect(id, on("shop"));
    assert.equal(interfaces(controller, id), "eth0 inside, eth1 shop, eth2 docker_gwbridge");
    await controller.disconnect(far.id);
    assert.equal(interfaces(controller, id), "eth0 inside");
    assert.deepEqual(defaultRoutes(parts), []);
  });
});

test("an internal network has no way out", async () => {
  await withFar(async (parts, controller) => {
    await controller.createNetwork({ name: "cellar", driver: "far", internal: true });
    const { id } = await controller.createSandbox(parts.spec("c1", "cellar"));
    assert.equal(interfaces(controller, id), "eth0 cellar");
    assert.ok(controller.networks().every(({ name }) => name !== GATEWAY_NETWORK));
    await controller.connect(id, on("shop"));
    assert.equal(interfaces(controller, id), "eth0 cellar, eth1 shop, eth2 docker_gwbridge");
  });
});

test("containers started at once share one network, which stays when they go and cannot go while they stay", async () => {
  await withFar(async (parts, controller) => {
    const names = ["c1", "c2", "c3", "c4"];
    const views = await Promise.all(names.map((name) => controller.createSandbox(parts.spec(name, "shop"))));
    const gateways = controller.networks().filter(({ name }) => name === GATEWAY_NETWORK);
    assert.equal(gateways.length, 1);
    assert.equal(controller.endpoints(gateways[0]?.id).length, 4);
    await assert.rejects(controller.removeNetwork(GATEWAY_NETWORK), {
      message: /network docker_gwbridge has active endpoints \(name:"gateway_[0-9a-f]{12}" id:/,
    });
    for (const { id } of views) await controller.removeSandbox(id);
    assert.deepEqual(controller.endpoints(gateways[0]?.id), []);
    await controller.removeNetwork(GATEWAY_NETWORK);
  });
});

test("a docker_gwbridge that the user made is used as it is", async () => {
  await withFar(async (parts, controller) => {
    const subnet = parsePrefix("10.99.0.0/24");
    const options = { "com.docker.network.bridge.name": "way0" };
    const own = await controller.createNetwork({
      name: GATEWAY_NETWORK,
      options,
      ipam: { pools: [{ family: 4, subnet }] },
    });
    const { id } = await controller.createSandbox(parts.spec("c1", "shop"));
    assert.equal(interfaces(controller, id), "eth0 shop, eth1 docker_gwbridge");
    const [gateway] = controller.endpoints(own.id);
    assert.equal(gateway?.addresses.map(formatPrefix).join(), "10.99.0.2/24");
    assert.deepEqual(controller.findNetwork(GATEWAY_NETWORK).options, options);
  });
});

test("a container that is put on docker_gwbridge itself is an ordinary member of it", async () => {
  await withFar(async (parts, controller) => {
    const { id } = await controller.createSandbox(parts.spec("c1", "shop"));
    const own = await controller.connect(id, on(GATEWAY_NETWORK));
    assert.equal(interfaces(controller, id), "eth0 shop, eth2 docker_gwbridge");
    assert.deepEqual(
      controller.findSandbox(id)?.endpoints.map(({ automatic }) => automatic),
      [false, false],
    );
    await controller.disconnect(own.id);
    assert.equal(interfaces(controller, id), "eth0 shop, eth1 docker_gwbridge");
  });
});

test("a restart finds it as it was", async () => {
  await withFar(async (parts, controller) => {
    const { id } = await controller.createSandbox({ ...parts.spec("c1", "shop"), ports });
    const before = [interfaces(controller, id), ...publishedOn(controller, id), ...defaultRoutes(parts)];
    const again = await parts.open();
    assert.equal(again.startReport.steps, 0);
    assert.deepEqual([interfaces(again, id), ...publishedOn(again, id), ...defaultRoutes(parts)], before);
    await again.connect(id, on("bridge"));
    assert.equal(interfaces(again, id), "eth0 shop, eth2 bridge");
  });
});

test("a start makes up for a daemon that ended between a network and its way out", async () => {
  await withFar(async (parts, controller) => {
    const { id } = await controller.createSandbox(parts.spec("c1", "shop"));
    const [gateway] = controller.endpoints(controller.findNetwork(GATEWAY_NETWORK).id);
    parts.store.commit([{ remove: "endpoints", id: gateway?.id ?? "" }]);
    const again = await parts.open();
    assert.equal(interfaces(again, id), "eth0 shop, eth1 docker_gwbridge");
    assert.deepEqual(defaultRoutes(parts), ["eth1"]);
    const [made] = again.endpoints(again.findNetwork(GATEWAY_NETWORK).id);
    assert.ok(made !== undefined && made.id !== gateway?.id);
  });
});

test("a start drops a way out that a daemon did not live to drop", async () => {
  await withFar(async (parts, controller) => {
    const { id } = await controller.createSandbox(parts.spec("c1", "shop"));
    const [gateway] = parts.store.list("endpoints").filter(({ value }) => JSON.stringify(value).includes("gateway_"));
    assert.ok(gateway);
    await controller.connect(id, on("bridge"));
    parts.store.commit([{ put: "endpoints", id: gateway.id, value: gateway.value }]);
    const again = await parts.open();
    assert.equal(interfaces(again, id), "eth0 shop, eth2 bridge");
    assert.deepEqual(defaultRoutes(parts), ["eth2"]);
  });
});

/** The kernel fails at step 1, 2, ... until it is so late that the change succeeds; answers at which. */
async function failAtEveryStep(parts: FakeParts, change: () => Promise<unknown>): Promise<readonly string[]> {
  const messages: string[] = [];
  const before = parts.state();
  for (let step = 1; step < 100; step++) {
    parts.kernel.failAtStep(step);
    const failure = await change().then(
      () => undefined,
      (cause: unknown) => String(cause),
    );
    if (failure === undefined) return messages;
    messages.push(failure);
    assert.deepEqual(withoutGatewayNetwork(parts.state()), withoutGatewayNetwork(before), `left after step ${step}`);
  }
  throw new Error("the change never succeeded");
}

/** The network itself is made once and stays. */
function withoutGatewayNetwork(state: unknown): unknown {
  const text = JSON.stringify(state, (key, value: unknown) => {
    if (key === "networks") return undefined;
    if (typeof value === "bigint") return String(value);
    return Array.isArray(value) ? value.filter((item) => !JSON.stringify(item, bigints)?.includes("gwbridge")) : value;
  });
  const parsed: unknown = JSON.parse(text);
  return parsed;
}

const bigints = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);

test("when it cannot be made the container is not started, which is said, and nothing is left", async () => {
  await withFar(async (parts, controller) => {
    const pools = [{ family: 4 as const, subnet: parsePrefix("10.99.0.0/30") }];
    await controller.createNetwork({ name: GATEWAY_NETWORK, ipam: { pools } });
    await controller.createSandbox(parts.spec("c1", "shop"));
    const before = parts.state();
    await assert.rejects(controller.createSandbox(parts.spec("c2", "shop")), {
      message: /give c2 a way out through network docker_gwbridge: no available IPv4 addresses/,
    });
    assert.deepEqual(parts.state(), before);
  });
});

test("a start or a connect that fails at any step leaves nothing but, perhaps, the network", async () => {
  await withFar(async (parts, controller) => {
    const started = await failAtEveryStep(parts, () => controller.createSandbox(parts.spec("c1", "shop")));
    assert.ok(started.length > 7, String(started.length));
    assert.ok(started.some((message) => message.includes("give c1 a way out through network docker_gwbridge")));
  });
  await withFar(async (parts, controller) => {
    await controller.createNetwork({ name: "inside", internal: true });
    // Its resolv.conf would be taken for the host's where that stands.
    const filesDirectory = await mkdtemp(join(parts.directory, "c1-"));
    const { id } = await controller.createSandbox({ ...parts.spec("c1", "inside"), filesDirectory });
    const connected = await failAtEveryStep(parts, () => controller.connect(id, on("shop")));
    assert.ok(connected.length > 7, String(connected.length));
  });
});

test("a way out that could not be dropped goes with the next change", async () => {
  await withFar(async (parts, controller) => {
    const { id } = await controller.createSandbox(parts.spec("c1", "shop"));
    await controller.createNetwork({ name: "other" });
    const steps = parts.kernel.steps.length;
    const first = await controller.connect(id, on("bridge"));
    const whole = parts.kernel.steps.length - steps;
    await controller.disconnect(first.id);
    parts.kernel.failAtStep(whole);
    await controller.connect(id, on("bridge"));
    assert.match(parts.messages.at(-1) ?? "", /stays on docker_gwbridge although nobody needs it/);
    await controller.connect(id, on("other"));
    assert.equal(controller.endpoints(controller.findNetwork(GATEWAY_NETWORK).id).length, 0);
    assert.match(interfaces(controller, id), /^eth0 shop, eth\d bridge, eth\d other$/);
  });
});
