/**
 * Publishing a sandbox's ports: numbers are chosen and held before anything is committed, and endpoints say what leads to them.
 * When another endpoint becomes the gateway the ports move to it and keep their numbers.
 */
import { isDeepStrictEqual } from "node:util";
import { EngineError, messageOf } from "../base/errors.ts";
import type { Rollback } from "../base/rollback.ts";
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
  const numbers = new Map(after.map(({ index, held: port }) => [index, port.port]));
  return withPorts(sandbox, joins, { bindings, numbers });
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
  { bindings, numbers }: { readonly bindings: readonly PortBinding[]; readonly numbers: ReadonlyMap<number, number> },
): Published {
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
 * that lead to the container stand, as they did while nobody held the port. Where the daemon's settings have changed what can
 * be published, the endpoints say so from now on.
 */
export async function holdAgain(world: World, sandbox: SandboxIntent, joins: readonly Join[]): Promise<void> {
  if (sandbox.ports.length === 0) return;
  const bindings = await bindingsOf(world, sandbox, joins);
  const wanted = bindings.flatMap(({ index, wish }) => {
    const port = sandbox.ports[index]?.chosenPort;
    return wish === undefined || port === undefined ? [] : [{ index, wish: exactly(wish, port) }];
  });
  restate(world, joins, withPorts(sandbox, joins, { bindings, numbers: chosenNumbers(sandbox) }));
  const together = await holdWanted(world, wanted).catch(() => undefined);
  const holdings = together ?? (await holdOneByOne(world, sandbox, wanted));
  setHoldings(world, sandbox.id, holdings);
}

function chosenNumbers({ ports }: SandboxIntent): ReadonlyMap<number, number> {
  return new Map(ports.flatMap(({ chosenPort }, index) => (chosenPort === undefined ? [] : [[index, chosenPort]])));
}

function restate(world: World, before: readonly Join[], { joins }: Published): void {
  const changed = joins.filter(
    ({ endpoint }, place) => !isDeepStrictEqual(endpoint.ports, before[place]?.endpoint.ports),
  );
  if (changed.length === 0) return;
  world.registry.commit({ put: { endpoints: changed.map(({ endpoint }) => ({ intent: endpoint, phase: "live" })) } });
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
