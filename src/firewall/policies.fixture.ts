/** Policies that the tests of this folder share. */
import { parseAddress } from "../addr/ip-address.ts";
import { parsePrefix } from "../addr/prefix.ts";
import type { PortRange } from "../addr/port-range.ts";
import type { BridgePolicy, DnsRedirect, EndpointGuard, LinkedPort, PublishedPorts } from "./firewall.ts";

export function bridgePolicy(bridge: string, subnet: string, rest: Partial<BridgePolicy> = {}): BridgePolicy {
  const prefix = parsePrefix(subnet);
  return {
    kind: "bridge",
    family: prefix.address.family,
    bridge,
    subnet: prefix,
    icc: true,
    internal: false,
    gateway: "nat",
    masquerade: rest.internal === true ? "none" : "masquerade",
    ...rest,
  };
}

export const DOCKER0 = bridgePolicy("docker0", "172.17.0.0/16");
export const BACKEND = bridgePolicy("br-backend", "172.18.0.0/16");
export const BACKEND_V6 = bridgePolicy("br-backend", "fd00:18::/64");

export function dnsRedirect(namespace: string, udpPort = 40001, tcpPort = 40002): DnsRedirect {
  return { kind: "dns-redirect", namespace, address: parseAddress("127.0.0.11"), udpPort, tcpPort };
}

export function endpointGuard(bridge: string, address: string, ...trustedInterfaces: string[]): EndpointGuard {
  const parsed = parseAddress(address);
  return { kind: "endpoint-guard", family: parsed.family, bridge, address: parsed, trustedInterfaces };
}

function parsePorts(text: string): PortRange {
  const [first = 0, last = first] = text.split("-").map(Number);
  return { first, last };
}

/** `published("docker0", "8080", "172.17.0.4:80")`, in docker's own order; a host address comes with `rest`. */
export function published(
  bridge: string,
  hostPorts: string,
  target: string,
  rest: Partial<PublishedPorts> = {},
): PublishedPorts {
  const [, address = "", ports = ""] = /^\[?(.*?)\]?:([\d-]+)$/.exec(target) ?? [];
  const containerAddress = parseAddress(address);
  return {
    kind: "published-ports",
    family: containerAddress.family,
    bridge,
    protocol: "tcp",
    hostAddress: { family: containerAddress.family, value: 0n },
    hostPorts: parsePorts(hostPorts),
    containerAddress,
    containerPorts: parsePorts(ports),
    translate: true,
    ...rest,
  };
}

export function linkedPort(bridge: string, parent: string, child: string, port: number): LinkedPort {
  const [from, to] = [parseAddress(parent), parseAddress(child)];
  return { kind: "linked-port", family: from.family, bridge, parent: from, child: to, protocol: "tcp", port };
}
