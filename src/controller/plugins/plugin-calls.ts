/**
 * What drivers that are programs are told (`DriverProcedures`), in dockerd's order: a network after its addresses are leased, an
 * endpoint before it joins, the one that gives the way out when it comes to do so; and the reverse on the way back. Making
 * fails when the program says no, with everything undone; unmaking never stops: what the program says then is logged.
 *
 * Of built-in drivers none of this is asked.
 */
import { join as joinPath } from "node:path";
import type { Family } from "../../addr/ip-address.ts";
import { EngineError, messageOf } from "../../base/errors.ts";
import { shortId } from "../../base/ids.ts";
import type { Rollback } from "../../base/rollback.ts";
import type { EndpointIntent, NetworkIntent } from "../../drivers/intent.ts";
import type { EndpointPorts } from "../../drivers/procedures.ts";
import { compareEndpoints } from "../../sandbox/gateway.ts";
import { present } from "../../store/record-reader.ts";
import type { NetworkSpec } from "../cnm.ts";
import { namespaceDirectory, type Join } from "../desired.ts";
import { releaseAddresses } from "../lease-addresses.ts";
import { isPlugin } from "../lease-pools.ts";
import type { SandboxIntent } from "../sandbox-intent.ts";
import type { World } from "../world.ts";
import { isUnknown } from "./expected-plugins.ts";
import { ensureTold, isAway, telling } from "./settle-calls.ts";

/** Looks for the drivers that a new network names and that are not built in. Nothing is locked while a program is waited for. */
export async function findPlugins(world: World, { driver, ipam, configOnly }: NetworkSpec): Promise<void> {
  const { plugins } = world;
  if (plugins === undefined) return;
  if (configOnly !== true && isUnknown(driver, world.drivers) && !isPlanned(world, driver)) {
    await plugins.findDriver(driver);
  }
  if (isUnknown(ipam?.driver, world.ipamDrivers)) await plugins.findIpamDriver(ipam.driver);
}

/** One of Docker's own that is not there now: no program is looked for under its name. */
function isPlanned(world: World, name: string): boolean {
  try {
    world.driver(name);
    return false;
  } catch (cause) {
    return cause instanceof EngineError && cause.code !== "not-found";
  }
}

/** Families for which the network's plugin wants no gateway; of built-in drivers `Driver.skipsGateway` says it. */
export async function skippedGateways(world: World, network: NetworkIntent): Promise<readonly Family[]> {
  const { procedures } = network.configOnly ? {} : world.driver(network.driver);
  return (await procedures?.skippedGateways(network)) ?? [];
}

export async function tellOfNetwork(world: World, network: NetworkIntent, undo: Rollback): Promise<void> {
  const { procedures } = network.configOnly ? {} : world.driver(network.driver);
  if (procedures === undefined) return;
  const call = { kind: "renew", network } as const;
  world.owed.note(call);
  await telling(world, network.id, () => procedures.createNetwork(network)).finally(() => world.owed.settled(call));
  undo.add(`network ${network.name} of ${network.driver}`, () => procedures.deleteNetwork(network));
}

export async function tellOfNetworksEnd(world: World, network: NetworkIntent): Promise<void> {
  const { procedures } = network.configOnly ? {} : world.driver(network.driver);
  if (procedures === undefined) return;
  const call = { kind: "delete", network } as const;
  await telling(world, network.id, async () => {
    const wasTold = world.owed.get(network.id)?.kind !== "create";
    world.owed.note(call);
    const cause = wasTold ? await failureOf(procedures.deleteNetwork(network)) : undefined;
    if (cause !== undefined) warn(world, `delete network ${network.name}`, cause);
    if (!isAway(cause)) world.owed.settled(call);
  });
  world.owed.wake();
}

async function failureOf(call: Promise<void>): Promise<unknown> {
  return call.then(
    () => undefined,
    (cause: unknown) => cause,
  );
}

/** How an endpoint that is about to be stands in its sandbox. */
export interface Joining {
  readonly sandboxId: string;
  /** What the container exposes and publishes. */
  readonly ports: EndpointPorts;
  /** Whether another endpoint publishes them already. */
  readonly isPublished: boolean;
  readonly undo: Rollback;
}

/** The endpoint as its driver has made it, joined: with address and MAC where the driver chose them, and its interface. */
export async function plugEndpoint(
  world: World,
  network: NetworkIntent,
  endpoint: EndpointIntent,
  { sandboxId, ports, isPublished, undo }: Joining,
): Promise<EndpointIntent> {
  const { procedures } = world.driver(network.driver);
  if (procedures === undefined) return endpoint;
  await ensureTold(world, network);
  const own = network.internal || isPublished ? undefined : ports;
  const made = await procedures.createEndpoint(network, endpoint, own).catch((cause: unknown) => {
    throw EngineError.wrap(cause, `failed to create endpoint ${endpoint.name} on network ${network.name}`);
  });
  undo.add(`endpoint ${endpoint.name} of ${network.driver}`, () => procedures.deleteEndpoint(network, made));
  const sandboxKey = joinPath(namespaceDirectory(world.runDirectory), shortId(sandboxId));
  const joined = await procedures.join(network, made, { sandboxKey, ports });
  undo.add(`place of endpoint ${endpoint.name}`, () => procedures.leave(network, joined));
  return joined;
}

/** Of the endpoints that a sandbox had and has: when another gives the way out, the old one is told, then the new one. */
export async function moveConnectivity(
  world: World,
  sandbox: SandboxIntent,
  {
    before,
    after,
    undo,
  }: { readonly before: readonly Join[]; readonly after: readonly Join[]; readonly undo: Rollback },
): Promise<void> {
  const [old, next] = [gatewayOf(before), gatewayOf(after)];
  if (old?.endpoint.id === next?.endpoint.id) return;
  if (old !== undefined) {
    undo.add("external connectivity", () => program(world, sandbox, old));
    await revoke(world, old);
  }
  if (next === undefined) return;
  await program(world, sandbox, next);
  undo.add("external connectivity", () => revoke(world, next));
}

/** As libnetwork's `getGatewayEndpoint`: only a gateway over IPv4 counts. */
function gatewayOf(joins: readonly Join[]): Join | undefined {
  return joins.toSorted(compareEndpoints).find(({ gateways }) => gateways.some(({ family }) => family === 4));
}

async function program(world: World, sandbox: SandboxIntent, { network, endpoint }: Join): Promise<void> {
  const { procedures } = world.driver(network.driver);
  if (procedures === undefined || network.internal) return;
  const ports = endpointPorts(sandbox);
  await procedures.programExternalConnectivity(network, endpoint, ports).catch((cause: unknown) => {
    const doing = `driver failed programming external connectivity on endpoint ${endpoint.name} (${endpoint.id})`;
    throw EngineError.wrap(cause, doing);
  });
}

async function revoke(world: World, { network, endpoint }: Join): Promise<void> {
  const { procedures } = world.driver(network.driver);
  const doing = `revoke external connectivity of endpoint ${endpoint.name}`;
  await logged(world, doing, procedures?.revokeExternalConnectivity(network, endpoint));
}

/**
 * Of endpoints that have just joined. dockerd asks twice, for the container's ports and for its settings, and takes a failure for
 * one of the join. Where docker_gwbridge gives the way out it asks that instead.
 */
export async function askOperationalInfo(world: World, joins: readonly Join[]): Promise<void> {
  for (const { network, endpoint, info } of joins) {
    const { procedures } = world.driver(network.driver);
    if (procedures === undefined || info.wantsGatewayNetwork === true) continue;
    for (let times = 0; times < 2; times++) {
      await procedures.operationalInfo(network, endpoint).catch((cause: unknown) => {
        throw EngineError.wrap(cause, "Updating join info failed");
      });
    }
  }
}

/** Before their interfaces are taken out of the sandbox. `leaving` are some of `all`. */
export async function leaveDrivers(world: World, all: readonly Join[], leaving: readonly Join[]): Promise<void> {
  const gateway = gatewayOf(all);
  if (gateway !== undefined && leaving.includes(gateway)) await revoke(world, gateway);
  for (const { network, endpoint } of leaving) {
    const { procedures } = world.driver(network.driver);
    await logged(world, `leave of endpoint ${endpoint.name}`, procedures?.leave(network, endpoint));
  }
}

/** After their interfaces are out, and before their addresses are released. `rest` stay: one of them may give the way out now. */
export async function endEndpoints(
  world: World,
  leaving: readonly Join[],
  next?: { readonly sandbox: SandboxIntent; readonly all: readonly Join[]; readonly rest: readonly Join[] },
): Promise<void> {
  if (next !== undefined) {
    const [old, gateway] = [gatewayOf(next.all), gatewayOf(next.rest)];
    if (gateway !== undefined && gateway.endpoint.id !== old?.endpoint.id) {
      await logged(world, `move the way out to ${gateway.network.name}`, program(world, next.sandbox, gateway));
    }
  }
  for (const { network, endpoint } of leaving) {
    const { procedures } = world.driver(network.driver);
    await logged(world, `delete endpoint ${endpoint.name}`, procedures?.deleteEndpoint(network, endpoint));
  }
}

async function logged(world: World, doing: string, call: Promise<unknown> | undefined): Promise<void> {
  try {
    await call;
  } catch (cause) {
    warn(world, doing, cause);
  }
}

function warn(world: World, doing: string, cause: unknown): void {
  world.log.warn({ err: cause }, `driver error, ${doing}: ${messageOf(cause)}`);
}

/** Start-up: sandboxes that are gone are told of in the background, as their programs may be starting too. */
export function endLostEndpoints(world: World, joins: readonly Join[]): void {
  const theirs = joins.filter(
    ({ network }) => world.driver(network.driver).procedures !== undefined || isPlugin(world, network),
  );
  if (theirs.length > 0) void endAll(world, theirs);
}

async function endAll(world: World, joins: readonly Join[]): Promise<void> {
  await leaveDrivers(world, joins, joins);
  await endEndpoints(world, joins);
  for (const { network, endpoint } of joins) {
    if (isPlugin(world, network)) await releaseAddresses(world, network, endpoint);
  }
}

/** What plugins are told of a sandbox's ports. */
export function endpointPorts({ exposed, ports }: Pick<SandboxIntent, "exposed" | "ports">): EndpointPorts {
  const published = ports.map(({ protocol, containerPort }) => ({ protocol, port: containerPort }));
  const all = [...(exposed ?? []), ...published];
  return {
    exposed: all.filter(
      ({ protocol, port }, index) =>
        all.findIndex((other) => other.protocol === protocol && other.port === port) === index,
    ),
    mappings: ports.map(({ protocol, containerPort, hostAddress, hostPorts }) =>
      present({
        protocol,
        containerPort,
        hostAddress,
        hostPort: hostPorts?.first ?? 0,
        hostPortEnd: hostPorts?.last ?? 0,
      }),
    ),
  };
}
