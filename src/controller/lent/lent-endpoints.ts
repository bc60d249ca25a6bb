/**
 * Endpoints that are lent to another engine, which has the containers: dockerd, with us as its plugin. They are ours in all
 * but the sandbox: intent in the store first, their network's other hosts told, the interface made and kept. Joining hands
 * the interface over in the host's namespace; the other engine moves it, and gives it its addresses, which it has leased.
 *
 * The other engine repeats what it does not know the end of, so each of these may be asked for again, and undoing what was
 * never done is no error.
 */
import { randomMac, type MacAddress } from "../../addr/mac-address.ts";
import type { Prefix } from "../../addr/prefix.ts";
import { EngineError } from "../../base/errors.ts";
import { NOTHING, type JoinInfo } from "../../drivers/driver.ts";
import type { EndpointIntent, NetworkIntent } from "../../drivers/intent.ts";
import { change, tearDown } from "../apply.ts";
import { attempt } from "../attempt.ts";
import { joinOf, type Join } from "../desired.ts";
import { followLogged } from "../shared/follow-members.ts";
import { replayAddresses } from "../lease-addresses.ts";
import { forgetMembersIfUndone, shareEndpoints, withdrawEndpoints } from "../shared/shared-endpoints.ts";
import { isShared } from "../shared/shared-record.ts";
import { lentKey, type World } from "../world.ts";
import { handedOverState, lentInterfaceName, lentState } from "./lent-state.ts";

export interface LentSpec {
  /** The other engine's. */
  readonly id: string;
  readonly networkId: string;
  readonly mac?: MacAddress;
  readonly addresses: readonly Prefix[];
}

export interface HandedOver extends Pick<JoinInfo, "routes" | "interfacePrefix"> {
  /** Of the interface in the host's namespace. */
  readonly interfaceName: string;
}

/** A new endpoint, with a MAC address, that holds its addresses. Until its container's name is known it goes by its id, and nobody asks for it. */
export async function lendEndpoint(world: World, spec: LentSpec): Promise<EndpointIntent> {
  return world.locks.run(lentKey(spec.id), async () => {
    const { id, networkId, mac = randomMac(), addresses } = spec;
    const entry = world.registry.endpoint(id);
    if (entry !== undefined) await takeBack(world, entry.intent);
    const network = world.registry.network(networkId)?.intent;
    if (network === undefined) throw new EngineError("not-found", `network ${networkId} not found`);
    const name = `endpoint-${id.slice(0, 12)}`;
    const nothing = { linkLocal: [], dnsNames: [], privateAliases: {}, options: {}, gatewayPriority: 0 };
    const intent: EndpointIntent = { id, networkId, name, mac, addresses, ...nothing, ports: [], links: [], lent: {} };
    return attempt(world.log, `lend endpoint ${id}`, async (undo) => {
      world.registry.reserveName(network, name, id);
      undo.add(`name ${name}`, () => world.registry.releaseName(networkId, name, id));
      await holdAddresses(world, network, intent);
      world.registry.commit({ put: { endpoints: [{ intent, phase: "live" }] } });
      return intent;
    });
  });
}

/** The other engine leased them for it. Of a network of this host alone they may be that engine's own to give. */
async function holdAddresses(world: World, network: NetworkIntent, endpoint: EndpointIntent): Promise<void> {
  await replayAddresses(world, network, endpoint).catch((cause: unknown) => {
    const isHeld = cause instanceof EngineError && cause.code === "forbidden";
    if (!isHeld || isShared(world, network)) throw cause;
  });
}

/** The interface, for the sandbox whose namespace file is or will be at `sandboxKey`. */
export async function handOver(world: World, id: string, sandboxKey: string): Promise<HandedOver> {
  return world.locks.run(lentKey(id), async () => {
    const known = world.registry.endpoint(id)?.intent;
    if (known?.lent === undefined) throw new EngineError("not-found", `endpoint ${id} not found`);
    const idle = await takeBack(world, known);
    return attempt(world.log, `hand over endpoint ${id}`, async (undo) => {
      const join = lentJoin(world, { ...idle, lent: { sandboxKey } });
      forgetMembersIfUndone(world, [join], undo);
      undo.add("endpoint intent", () =>
        world.registry.commit({ put: { endpoints: [{ intent: idle, phase: "live" }] } }),
      );
      world.registry.commit({ put: { endpoints: [{ intent: join.endpoint, phase: "creating" }] } });
      await shareEndpoints(world, [join], undo);
      const state = handedOverState(world, join);
      await change(world, NOTHING, state).catch((cause: unknown) => {
        throw EngineError.wrap(cause, `join endpoint ${id} to network ${join.network.name}`);
      });
      world.registry.restore({ put: { endpoints: [{ intent: join.endpoint, phase: "live" }] } });
      const { routes, interfacePrefix } = join.info;
      return { interfaceName: lentInterfaceName(join.endpoint), routes, interfacePrefix };
    });
  });
}

function lentJoin(world: World, endpoint: EndpointIntent): Join {
  const network = world.registry.network(endpoint.networkId)?.intent;
  if (network === undefined) throw new EngineError("not-found", `network ${endpoint.networkId} not found`);
  return joinOf(world, network, endpoint);
}

/** Out of its sandbox: the interface is no more, and the other hosts forget the endpoint. */
export async function comeBack(world: World, id: string): Promise<void> {
  await world.locks.run(lentKey(id), async () => {
    const endpoint = world.registry.endpoint(id)?.intent;
    if (endpoint?.lent !== undefined) await takeBack(world, endpoint);
  });
}

/** The endpoint as it is after it left. */
async function takeBack(world: World, endpoint: EndpointIntent): Promise<EndpointIntent> {
  if (endpoint.lent?.sandboxKey === undefined) return endpoint;
  await tearDown(world, lentState(world, endpoint));
  const idle: EndpointIntent = { ...endpoint, lent: {} };
  world.registry.commit({ put: { endpoints: [{ intent: idle, phase: "live" }] } });
  await withdrawEndpoints(world, [lentJoin(world, idle)]);
  return idle;
}

export async function endLentEndpoint(world: World, id: string): Promise<void> {
  await world.locks.run(lentKey(id), async () => {
    const endpoint = world.registry.endpoint(id)?.intent;
    if (endpoint?.lent === undefined) return;
    await takeBack(world, endpoint);
    world.registry.commit({ remove: { endpoints: [id] } });
    const network = world.registry.network(endpoint.networkId)?.intent;
    if (network !== undefined && isShared(world, network)) await followLogged(world, network.id);
  });
}
