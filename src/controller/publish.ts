/**
 * Publishing a sandbox's ports: numbers are chosen and held before anything is committed, endpoints say what leads to them, and
 * flows that the kernel still tracks the old way are forgotten after. When another endpoint becomes the gateway the ports
 * move to it and keep their numbers.
 */
import { formatAddress, isUnspecified, type IpAddress } from "../addr/ip-address.ts";
import { EngineError, messageOf } from "../base/errors.ts";
import type { Rollback } from "../base/rollback.ts";
import type { PublishedPort } from "../drivers/intent.ts";
import { HOST } from "../kernel/facts.ts";
import type { FlowPattern } from "../kernel/conntrack/flow.ts";
import { mergePorts } from "../ports/merge-ports.ts";
import type { HeldPort, PortWish } from "../ports/ports.ts";
import type { Join } from "./desired.ts";
import { mappingsOf, portBindings, sameWish, type PortBinding } from "./port-bindings.ts";
import type { SandboxIntent, SandboxPort } from "./sandbox-intent.ts";
import type { Holding, World } from "./world.ts";

/** The sandbox with the numbers chosen, its endpoints with what they publish. */
export interface Published {
  readonly sandbox: SandboxIntent;
  readonly joins: readonly Join[];
}

/**
 * Holds what the sandbox's ports need with these endpoints, and gives up what they no longer need; all of it is taken back
 * by `undo`. Throws `internal` "driver failed programming external connectivity on endpoint NAME (ID): ...", with nothing changed.
 */
export async function publish(
  world: World,
  sandbox: SandboxIntent,
  joins: readonly Join[],
  undo: Rollback,
): Promise<Published> {
  const before = world.holdings.get(sandbox.id) ?? [];
  const bindings = sandbox.ports.length === 0 ? [] : await bindingsOf(world, sandbox, joins);
  const kept = before.filter((holding) => bindings.some((binding) => serves(holding, binding)));
  const dropped = before.filter((holding) => !kept.includes(holding));
  const fresh = bindings.filter((binding) => !kept.some((holding) => serves(holding, binding)));
  undo.add("host ports", () => restoreHoldings(world, sandbox, before));
  await world.ports.release(dropped.map(({ held }) => held));
  const held = await hold(world, fresh, dropped).catch((cause: unknown) => {
    throw cannotPublish(cause, fresh, joins);
  });
  const after = [...kept, ...held];
  setHoldings(world, sandbox.id, after);
  return withPorts(sandbox, joins, { bindings, holdings: after });
}

async function bindingsOf(
  world: World,
  sandbox: SandboxIntent,
  joins: readonly Join[],
): Promise<readonly PortBinding[]> {
  const reach = {
    translated: world.translatedFamilies ?? [4, 6],
    proxy: world.settings.userlandProxy ?? true,
    ipv6: await world.ports.hasIPv6(),
  };
  return portBindings(sandbox.ports, joins, ({ network }) => world.driver(network.driver).publishing(network), reach);
}

function serves({ index, held }: Holding, binding: PortBinding): boolean {
  return index === binding.index && binding.wish !== undefined && sameWish(held.wish, binding.wish);
}

/** A request that had a number keeps it. */
async function hold(
  world: World,
  bindings: readonly PortBinding[],
  dropped: readonly Holding[],
): Promise<readonly Holding[]> {
  const wanted = bindings.flatMap(({ index, wish }) => {
    if (wish === undefined) return [];
    const port = dropped.find((holding) => holding.index === index)?.held.port;
    return [{ index, wish: port === undefined ? wish : exactly(wish, port) }];
  });
  const held = await world.ports.hold(wanted.map(({ wish }) => wish));
  return held.flatMap((port, place) => {
    const index = wanted[place]?.index;
    return index === undefined ? [] : [{ index, held: port }];
  });
}

function exactly(wish: PortWish, port: number): PortWish {
  return { ...wish, hostPorts: { first: port, last: port } };
}

function cannotPublish(cause: unknown, bindings: readonly PortBinding[], joins: readonly Join[]): EngineError {
  const owner = bindings.flatMap(({ placements }) => placements)[0]?.endpointId;
  const endpoint = joins.find((join) => join.endpoint.id === owner)?.endpoint;
  const where = endpoint === undefined ? "" : ` on endpoint ${endpoint.name} (${endpoint.id})`;
  return EngineError.wrap(cause, `driver failed programming external connectivity${where}`);
}

function withPorts(
  sandbox: SandboxIntent,
  joins: readonly Join[],
  { bindings, holdings }: { readonly bindings: readonly PortBinding[]; readonly holdings: readonly Holding[] },
): Published {
  const numbers = new Map(holdings.map(({ index, held }) => [index, held.port]));
  const portOf = ({ index }: PortBinding): number | undefined => numbers.get(index);
  return {
    sandbox: { ...sandbox, ports: sandbox.ports.map((port, index) => chosen(port, numbers.get(index))) },
    joins: joins.map((join) => {
      const ports = mergePorts(mappingsOf(bindings, join.endpoint.id, portOf));
      return { ...join, endpoint: { ...join.endpoint, ports } };
    }),
  };
}

function chosen({ chosenPort: _chosenPort, ...request }: SandboxPort, port: number | undefined): SandboxPort {
  return port === undefined ? request : { ...request, chosenPort: port };
}

function setHoldings(world: World, sandboxId: string, holdings: readonly Holding[]): void {
  if (holdings.length === 0) world.holdings.delete(sandboxId);
  else world.holdings.set(sandboxId, holdings);
}

/** Back to what was held: what is still held stays, what was given up is taken again under its number. */
async function restoreHoldings(world: World, sandbox: SandboxIntent, before: readonly Holding[]): Promise<void> {
  const now = world.holdings.get(sandbox.id) ?? [];
  await world.ports.release(now.filter((holding) => !before.includes(holding)).map(({ held }) => held));
  const lost = before.filter((holding) => !now.includes(holding));
  const again = await world.ports.hold(lost.map(({ held }) => exactly(held.wish, held.port)));
  const regained = lost.flatMap(({ index }, place) => {
    const held = again[place];
    return held === undefined ? [] : [{ index, held }];
  });
  setHoldings(world, sandbox.id, [...before.filter((holding) => now.includes(holding)), ...regained]);
}

/** Gives every port of a removed sandbox back. */
export async function unpublish(world: World, sandboxId: string): Promise<void> {
  const holdings = world.holdings.get(sandboxId) ?? [];
  world.holdings.delete(sandboxId);
  await world.ports.release(holdings.map(({ held }) => held));
}

/**
 * Start-up: holds the ports that the intent names. One that another program took meanwhile is said and left out: the rules
 * that lead to the container stand, as they did while nobody held the port.
 */
export async function holdAgain(world: World, sandbox: SandboxIntent, joins: readonly Join[]): Promise<void> {
  if (sandbox.ports.length === 0) return;
  const bindings = await bindingsOf(world, sandbox, joins);
  const wanted = bindings.flatMap(({ index, wish }) => {
    const port = sandbox.ports[index]?.chosenPort;
    return wish === undefined || port === undefined ? [] : [{ index, wish: exactly(wish, port) }];
  });
  const together = await holdWanted(world, wanted).catch(() => undefined);
  const holdings = together ?? (await holdOneByOne(world, sandbox, wanted));
  setHoldings(world, sandbox.id, holdings);
}

interface WantedHolding {
  readonly index: number;
  readonly wish: PortWish;
}

async function holdWanted(world: World, wanted: readonly WantedHolding[]): Promise<readonly Holding[]> {
  const held: readonly HeldPort[] = await world.ports.hold(wanted.map(({ wish }) => wish));
  return wanted.flatMap(({ index }, place) => {
    const port = held[place];
    return port === undefined ? [] : [{ index, held: port }];
  });
}

async function holdOneByOne(
  world: World,
  sandbox: SandboxIntent,
  wanted: readonly WantedHolding[],
): Promise<readonly Holding[]> {
  const holdings: Holding[] = [];
  for (const one of wanted) {
    try {
      holdings.push(...(await holdWanted(world, [one])));
    } catch (cause) {
      const container = sandbox.containerId;
      world.log.error({ container, err: cause }, `a published port is not held: ${messageOf(cause)}`);
    }
  }
  return holdings;
}

/**
 * After the rules changed: UDP flows that are tracked the old way would go on as before, to a container that is gone or past
 * the one that is there. Exactly those are forgotten: of mappings that went what led to their container, of mappings that
 * came what the host itself would have answered. A failure is logged: the ports work, only old flows wait for their end.
 */
export async function forgetFlows(world: World, before: readonly Join[], after: readonly Join[]): Promise<void> {
  const [old, next] = [udpMappings(before), udpMappings(after)];
  const gone = [...old].filter(([key]) => !next.has(key)).map(([, mapping]) => mapping);
  const come = [...next].filter(([key]) => !old.has(key)).map(([, mapping]) => mapping);
  if (gone.length + come.length === 0) return;
  try {
    const untranslated = come.length === 0 ? [] : await untranslatedFlows(world, come);
    await world.kernel.forgetFlows(HOST, [...gone.map(translatedFlow), ...untranslated]);
  } catch (cause) {
    world.log.warn({ err: cause }, `old UDP flows of published ports live on: ${messageOf(cause)}`);
  }
}

interface UdpMapping extends PublishedPort {
  readonly hostPorts: NonNullable<PublishedPort["hostPorts"]>;
  readonly container: IpAddress;
}

function udpMappings(joins: readonly Join[]): ReadonlyMap<string, UdpMapping> {
  const mappings = joins.flatMap(({ endpoint }) =>
    endpoint.ports.flatMap(({ hostPorts, ...port }): UdpMapping[] => {
      const { family } = port.hostAddress;
      const container = endpoint.addresses.find(({ address }) => address.family === family)?.address;
      const isTracked = port.protocol === "udp" && hostPorts !== undefined && container !== undefined;
      return isTracked ? [{ ...port, hostPorts, container }] : [];
    }),
  );
  return new Map(mappings.map((mapping) => [keyOf(mapping), mapping]));
}

function keyOf({ hostAddress, hostPorts, container, containerPorts }: UdpMapping): string {
  const numbers = [hostPorts.first, hostPorts.last, containerPorts.first].join(" ");
  return `${formatAddress(hostAddress)} ${formatAddress(container)} ${numbers}`;
}

function translatedFlow({ hostAddress, hostPorts, container }: UdpMapping): FlowPattern {
  const base = {
    family: container.family,
    protocol: "udp",
    destinationPorts: hostPorts,
    answeredBy: container,
  } as const;
  return isUnspecified(hostAddress) ? base : { ...base, destination: hostAddress };
}

async function untranslatedFlows(world: World, mappings: readonly UdpMapping[]): Promise<readonly FlowPattern[]> {
  const { addresses } = await world.kernel.observe(HOST);
  return mappings.flatMap(({ hostAddress, hostPorts }) => {
    const { family } = hostAddress;
    const own = addresses.map(({ address }) => address.address).filter((address) => address.family === family);
    return (isUnspecified(hostAddress) ? own : [hostAddress]).map((address): FlowPattern => ({
      family,
      protocol: "udp",
      destination: address,
      destinationPorts: hostPorts,
      answeredBy: address,
    }));
  });
}
