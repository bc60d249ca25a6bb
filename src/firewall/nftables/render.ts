/**
 * Policies to elements of the frame's sets. Pure. A policy never makes a rule. Elements that several policies need are there
 * once; ranges of ports that several policies open at one container are joined (`holdings.ts`), since those in a set must not
 * overlap.
 */
import { isLoopback, isUnspecified, type IpAddress } from "../../addr/ip-address.ts";
import { lastAddress, networkOf } from "../../addr/prefix.ts";
import { portCount, type PortRange } from "../../addr/port-range.ts";
import type { NftElement } from "../../kernel/nftables/ruleset.ts";
import type {
  BridgePolicy,
  EndpointGuard,
  LinkedPort,
  Policy,
  PublishedPorts,
  TransportProtocol,
} from "../firewall.ts";
import { concat, nameBytes, portBytes, protocolBytes } from "./fields.ts";

export interface PlacedElement {
  readonly set: string;
  readonly element: NftElement;
}

/** Ports at which a container may be reached. */
export interface OpenPorts {
  readonly address: IpAddress;
  readonly protocol: TransportProtocol;
  readonly ports: PortRange;
}

export interface Contribution {
  readonly elements: readonly PlacedElement[];
  /** A range to be joined with others of the container. */
  readonly open?: OpenPorts;
}

/** What a policy of the host's namespace adds to the sets. */
export function contributionOf(policy: Policy): Contribution {
  switch (policy.kind) {
    case "bridge":
      return { elements: bridgeElements(policy) };
    case "endpoint-guard":
      return { elements: guardElements(policy) };
    case "published-ports":
      return publishedContribution(policy);
    case "linked-port":
      return { elements: [linkElement(policy)] };
    case "dns-redirect":
      return { elements: [] };
  }
}

function placed(set: string, key: Uint8Array, rest: Omit<NftElement, "key"> = {}): PlacedElement {
  return { set, element: { key, ...rest } };
}

function bridgeElements(policy: BridgePolicy): readonly PlacedElement[] {
  const { bridge, icc, internal } = policy;
  const name = nameBytes(bridge);
  const itself = concat(name, name);
  const network = placed(icc ? "open-networks" : "closed-networks", itself);
  if (internal) return [network, placed("internal", name)];
  const verdict = policy.gateway === "nat-unprotected" ? "accept" : "drop";
  return [
    network,
    placed("networks", itself),
    placed("bridges", name),
    placed("inbound", name, { data: { verdict } }),
    ...(policy.gateway === "routed" ? [placed("routed", name)] : []),
    ...disguise(policy),
  ];
}

/** How packets out of the network are made to come from an address of the host. */
function disguise({ subnet, masquerade }: BridgePolicy): readonly PlacedElement[] {
  if (masquerade === "none") return [];
  const key = concat(networkOf(subnet).address);
  const keyEnd = concat(lastAddress(subnet));
  if (masquerade === "masquerade") return [placed("masqueraded", key, { keyEnd })];
  return [placed("sources", key, { keyEnd, data: concat(masquerade.snat) })];
}

function guardElements({ bridge, address, trustedInterfaces }: EndpointGuard): readonly PlacedElement[] {
  const passes = [...new Set([bridge, ...trustedInterfaces])];
  return [
    placed("guarded", concat(address)),
    ...passes.map((name) => placed("guard-passes", concat(address, nameBytes(name)))),
  ];
}

/** Nothing for ::1, whose packets never leave the loopback: a proxy listens there. */
function publishedContribution(policy: PublishedPorts): Contribution {
  if (policy.translate && policy.family === 6 && isLoopback(policy.hostAddress)) return { elements: [] };
  const { containerAddress: address, protocol, containerPorts: ports } = policy;
  const open: OpenPorts = { address, protocol, ports };
  const elements = policy.translate ? publishedElements(policy) : [];
  return portCount(ports) === 1 ? { elements: [...elements, openElement(open)] } : { elements, open };
}

/** A range that keeps its numbers is one element; one that is shifted needs one per port, as nf_tables cannot add. */
function publishedElements(policy: PublishedPorts): readonly PlacedElement[] {
  const { hostPorts, containerPorts, containerAddress } = policy;
  const count = portCount(hostPorts);
  if (count > 1 && hostPorts.first === containerPorts.first) {
    const [set, key] = hostPlace(policy, "ranges", hostPorts.first);
    const [, keyEnd] = hostPlace(policy, "ranges", hostPorts.last);
    return [placed(set, key, { keyEnd, data: concat(containerAddress) })];
  }
  return Array.from({ length: count }, (_, index) => {
    const [set, key] = hostPlace(policy, "ports", hostPorts.first + index);
    return placed(set, key, { data: concat(containerAddress, portBytes(containerPorts.first + index)) });
  });
}

/** Set and key of a port, at one address of the host or at all. */
function hostPlace({ hostAddress, protocol }: PublishedPorts, set: "ports" | "ranges", port: number) {
  const key = [protocolBytes(protocol), portBytes(port)] as const;
  return isUnspecified(hostAddress)
    ? ([set, concat(...key)] as const)
    : ([`${set}-at`, concat(hostAddress, ...key)] as const);
}

function linkElement({ parent, child, protocol, port }: LinkedPort): PlacedElement {
  return placed("links", concat(parent, child, protocolBytes(protocol), portBytes(port)));
}

/** The element that opens ports of a container. */
export function openElement({ address, protocol, ports }: OpenPorts): PlacedElement {
  const at = (port: number): Uint8Array => concat(address, protocolBytes(protocol), portBytes(port));
  if (ports.first === ports.last) return placed("open-ports", at(ports.first));
  return placed("open-ranges", at(ports.first), { keyEnd: at(ports.last) });
}
