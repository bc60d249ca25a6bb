/**
 * What macvlan and ipvlan networks have in common: each container has a link of its own on a link of the host, the parent, and
 * is a neighbour of whatever is on the parent's wire. Nothing passes the host's routing or its firewall. Pure functions from
 * intent to desired state; options, names and messages are those of Docker's drivers (moby `drivers/macvlan`, `drivers/ipvlan`).
 */
import { EngineError } from "../../base/errors.ts";
import { prefixContains } from "../../addr/prefix.ts";
import type { Family, IpAddress } from "../../addr/ip-address.ts";
import { MARK, type Device, type KernelFact } from "../../kernel/facts.ts";
import { NO_PUBLISHING, type DesiredState, type Driver, type JoinInfo, type Place } from "../driver.ts";
import { endpointAddresses } from "../endpoint-addresses.ts";
import { enabledFamilies } from "../enabled-families.ts";
import type { EndpointIntent, NetworkIntent } from "../intent.ts";
import { checkParent, parentFacts, parentOf } from "./parent.ts";

/** How the two differ. */
export interface OnParentKind<Options> {
  readonly name: "macvlan" | "ipvlan";
  /** Of the name of the parent that a network gets which names none. */
  readonly dummyPrefix: string;
  /** Its endpoints' packets carry the parent's MAC. */
  readonly sharesMac: boolean;
  /** Throws `internal`, as Docker does, with its text. */
  parse(network: NetworkIntent): Options;
  /** Throws when the network cannot share its parent with `other`, of the same driver. */
  checkShared(network: NetworkIntent, other: NetworkIntent, parent: string): void;
  device(options: Options, parent: string): Device;
  /** Whether the default route leads through the interface itself, to no gateway. */
  isRouted(options: Options): boolean;
}

export function createOnParentDriver<Options>(kind: OnParentKind<Options>): Driver {
  const parent = (network: NetworkIntent): string => parentOf(network, kind.dummyPrefix);
  return {
    name: kind.name,
    capabilities: {
      scope: "local",
      addresses: true,
      singleton: false,
      hostNamespace: false,
      bypassesRouting: true,
      sharesMac: kind.sharesMac,
    },
    validate: (network, existing) => validate(kind, network, existing),
    skipsGateway: (network) => leadsNowhere(network) || kind.isRouted(kind.parse(network)),
    checkHost: (network, links) => checkParent(network, links),
    networkState: (network) => ({ facts: parentFacts(network, kind.dummyPrefix), policies: [] }),
    endpointState: (network, endpoint, place) =>
      endpointState(kind.device(kind.parse(network), parent(network)), endpoint, place),
    joinInfo: (network, endpoint) => joinInfo(network, endpoint, kind.isRouted(kind.parse(network))),
    adoptedLink: () => undefined,
    publishing: () => NO_PUBLISHING,
  };
}

function validate<Options>(
  kind: OnParentKind<Options>,
  network: NetworkIntent,
  existing: readonly NetworkIntent[],
): void {
  const [family] = enabledFamilies(network);
  if (family !== undefined && network.ipamDriver === "null")
    throw new EngineError("invalid-argument", `ipv${family} pool is empty`);
  kind.parse(network);
  const parent = parentOf(network, kind.dummyPrefix);
  if (parent === "lo") throw new EngineError("internal", `loopback interface is not a valid ${kind.name} parent link`);
  for (const other of existing) {
    if (other.driver !== kind.name || other.configOnly || other.id === network.id) continue;
    if (parentOf(other, kind.dummyPrefix) === parent) kind.checkShared(network, other, parent);
  }
}

/**
 * Equivalent to: `ip -n NS link add ETH link PARENT address MAC type KIND mode MODE`, `ip -n NS link set ETH alias causeway:ID up`,
 * but made in NS from the start.
 */
function endpointState(device: Device, endpoint: EndpointIntent, place: Place): DesiredState {
  const { namespace, interfaceName } = place;
  const link: KernelFact = {
    kind: "link",
    namespace,
    name: interfaceName,
    device,
    ...(endpoint.mac === undefined ? {} : { mac: endpoint.mac }),
    up: true,
    alias: `${MARK}${endpoint.id}`,
  };
  return { facts: [link, ...endpointAddresses(endpoint, place)], policies: [] };
}

function leadsNowhere({ internal, options }: NetworkIntent): boolean {
  return internal || (options["parent"] ?? "") === "";
}

/** Without a parent there is nobody else on the wire: no way out, and none is made by another network either. */
function joinInfo(network: NetworkIntent, endpoint: EndpointIntent, isRouted: boolean): JoinInfo {
  const info = { interfacePrefix: "eth", routes: [] };
  if (leadsNowhere(network)) return { ...info, gateways: [] };
  if (!isRouted) return { ...info, gateways: endpoint.addresses.flatMap(({ address }) => gatewayOf(network, address)) };
  const deviceRoutes: readonly Family[] = endpoint.addresses.map(({ address }) => address.family);
  return { ...info, gateways: [], deviceRoutes };
}

/** That of the subnet that the address is in. */
function gatewayOf({ pools }: NetworkIntent, address: IpAddress): readonly IpAddress[] {
  const pool = pools.find(({ subnet }) => subnet !== undefined && prefixContains(subnet, address));
  return pool?.gateway === undefined ? [] : [pool.gateway];
}
