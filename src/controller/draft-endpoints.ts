/**
 * From what is asked of endpoints to their intents: name taken, addresses leased, MAC drawn, interface named. Nothing is
 * committed here, and all of it is undone when what follows fails.
 */
import { randomMac } from "../addr/mac-address.ts";
import { EngineError } from "../base/errors.ts";
import { newId } from "../base/ids.ts";
import type { Rollback } from "../base/rollback.ts";
import type { EndpointIntent, NetworkIntent } from "../drivers/intent.ts";
import type { EndpointPorts } from "../drivers/procedures.ts";
import { compareEndpoints } from "../sandbox/gateway.ts";
import { chooseInterfaceName, INTERFACE_NAME_OPTION } from "../sandbox/interface-name.ts";
import type { EndpointSpec } from "./cnm.ts";
import { joinOf, type Join } from "./desired.ts";
import { isGatewayEndpoint } from "./gateway-endpoint.ts";
import { leaseAddresses } from "./lease-addresses.ts";
import { plugEndpoint, type Joining } from "./plugins/plugin-calls.ts";
import { present } from "../store/record-reader.ts";
import type { World } from "./world.ts";

const NO_PORTS: EndpointPorts = { exposed: [], mappings: [] };

export interface DraftOptions {
  /** What the sandbox has already. */
  readonly joined: readonly Join[];
  readonly undo: Rollback;
  /** Of the container, for drivers that publish them themselves. */
  readonly ports?: EndpointPorts;
}

/** A checked wish: the network exists and allows it. */
export interface Wanted {
  readonly network: NetworkIntent;
  readonly spec: EndpointSpec;
}

/**
 * The endpoints, joined to the sandbox, in gateway order. Interfaces are numbered in that order, so that the same networks
 * give the same eth0 at every start; names that were asked for are kept free for whoever asked. `present` are those that
 * the sandbox has already.
 */
export async function draftEndpoints(
  world: World,
  sandboxId: string,
  wanted: readonly Wanted[],
  options: DraftOptions,
): Promise<readonly Join[]> {
  const drafts: Join[] = [];
  for (const wish of wanted) {
    const others = [...options.joined, ...drafts];
    if (others.some((other) => isSecond(other, wish))) throw alreadyJoined(wish);
    const isPublished = others.some(({ endpoint }) => endpoint.ports.length > 0);
    const joining = { sandboxId, ports: options.ports ?? NO_PORTS, isPublished, undo: options.undo };
    drafts.push(await draftEndpoint(world, wish, joining));
  }
  return nameInterfaces(sandboxId, drafts, options.joined);
}

/** A way out and an endpoint that was asked for stand beside each other on the gateway network, until the one goes. */
function isSecond(other: Join, { network, spec }: Wanted): boolean {
  const wished = { network, endpoint: { name: spec.name, dnsNames: spec.dnsNames ?? [spec.name] } };
  return other.network.id === network.id && isGatewayEndpoint(other) === isGatewayEndpoint(wished);
}

function alreadyJoined({ network, spec }: Wanted): EngineError {
  return new EngineError("forbidden", `endpoint with name ${spec.name} already exists in network ${network.name}`);
}

async function draftEndpoint(world: World, { network, spec }: Wanted, joining: Joining): Promise<Join> {
  const { undo } = joining;
  const id = newId();
  world.registry.reserveName(network, spec.name, id);
  undo.add(`name ${spec.name}`, () => world.registry.releaseName(network.id, spec.name, id));
  if (spec.mac !== undefined && sharesMac(world, network)) throw withoutMac(network, spec);
  const mac = spec.mac ?? ((await needsMac(world, network)) ? randomMac() : undefined);
  const addresses = await leaseAddresses(world, network, present({ ...spec, mac }), undo);
  const endpoint: EndpointIntent = present({
    id,
    networkId: network.id,
    name: spec.name,
    mac,
    addresses,
    linkLocal: spec.linkLocal ?? [],
    dnsNames: [...new Set(spec.dnsNames ?? [spec.name])],
    privateAliases: spec.privateAliases ?? {},
    options: spec.options ?? {},
    gatewayPriority: spec.gatewayPriority ?? 0,
    ports: [],
    links: [],
  });
  return joinOf(world, network, await plugEndpoint(world, network, endpoint, joining));
}

/** Whether one is drawn: built-in drivers want it, plugins choose their own, unless the address is leased under it. */
async function needsMac(world: World, network: NetworkIntent): Promise<boolean> {
  const { capabilities, procedures } = world.driver(network.driver);
  if (!capabilities.addresses || capabilities.sharesMac === true) return false;
  return procedures === undefined || (await world.ipamDriver(network.ipamDriver).needs?.())?.mac === true;
}

function sharesMac(world: World, { driver }: NetworkIntent): boolean {
  return world.driver(driver).capabilities.sharesMac === true;
}

function withoutMac({ driver, name }: NetworkIntent, spec: EndpointSpec): EngineError {
  const reason = `${driver} interfaces do not support custom mac address assignment`;
  return new EngineError("internal", `failed to create endpoint ${spec.name} on network ${name}: ${reason}`);
}

function nameInterfaces(sandboxId: string, drafts: readonly Join[], joined: readonly Join[]): readonly Join[] {
  const taken = new Set(joined.flatMap(({ endpoint }) => endpoint.attachment?.interfaceName ?? []));
  const sorted = drafts.toSorted(compareEndpoints);
  const chosenFirst = sorted.toSorted((a, b) => Number(asksForName(b)) - Number(asksForName(a)));
  const names = new Map<Join, string>();
  for (const draft of chosenFirst) {
    const prefix = draft.info.interfacePrefix;
    const name = prefix === "" ? "" : chooseInterfaceName(prefix, draft.endpoint.options, taken);
    names.set(draft, name);
    taken.add(name);
  }
  return sorted.map((draft) => {
    const attachment = { sandboxId, interfaceName: names.get(draft) ?? "" };
    return { ...draft, endpoint: { ...draft.endpoint, attachment } };
  });
}

function asksForName({ endpoint }: Join): boolean {
  return (endpoint.options[INTERFACE_NAME_OPTION] ?? "") !== "";
}
