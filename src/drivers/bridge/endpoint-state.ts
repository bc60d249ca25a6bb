/**
 * What an endpoint of a bridge network needs of the kernel: a veth pair, one end a port of the bridge, the other inside the
 * sandbox under its final name, the addresses there, and what its published ports need.
 */
import { HOST, MARK, type KernelFact } from "../../kernel/facts.ts";
import type { DesiredState, Place } from "../driver.ts";
import { endpointAddresses } from "../endpoint-addresses.ts";
import type { EndpointIntent } from "../intent.ts";
import type { BridgeConfig } from "./config.ts";
import { endpointPolicies } from "./endpoint-policies.ts";
import { publishesFromLoopback, publishesTranslated } from "./publishing.ts";

export function endpointState(config: BridgeConfig, endpoint: EndpointIntent, place: Place): DesiredState {
  return {
    facts: [
      vethPair(config, endpoint, place),
      ...endpointAddresses(endpoint, place),
      ...loopbackRoute(config, endpoint),
    ],
    policies: endpointPolicies(config, endpoint),
  };
}

/** "veth" and 7 digits of the endpoint's id: as long as Docker's, and the same after a restart. */
export function vethName(endpointId: string): string {
  return `veth${endpointId.slice(0, 7)}`;
}

/**
 * Where br_netfilter is on, a container's packet to its own published port is turned round inside the bridge and has to
 * leave by the port that it came in by (hairpin).
 *
 * Equivalent to: `ip link add VETH mtu MTU type veth peer name ETH address MAC mtu MTU netns NS`, then
 * `ip link set VETH master BRIDGE alias causeway:ID up` and `ip -n NS link set ETH up`.
 */
function vethPair(config: BridgeConfig, endpoint: EndpointIntent, place: Place): KernelFact {
  const mtu = config.mtu === undefined ? {} : { mtu: config.mtu };
  const mac = endpoint.mac === undefined ? {} : { mac: endpoint.mac };
  return {
    kind: "link",
    namespace: HOST,
    name: vethName(endpoint.id),
    device: { type: "veth", peer: { namespace: place.namespace, name: place.interfaceName, ...mac, ...mtu, up: true } },
    ...mtu,
    master: config.bridge,
    ...(publishesTranslated(config, endpoint) ? { hairpin: true } : {}),
    up: true,
    alias: `${MARK}${endpoint.id}`,
  };
}

/**
 * Packets that the host sends to 127.0.0.1 and that are translated to a container leave by the bridge, and their answers
 * return by it. The bridge's firewall policy drops what containers send there (docs/decisions/0006-published-ports.md); where
 * there is no firewall, there is no translation either.
 */
function loopbackRoute(config: BridgeConfig, endpoint: EndpointIntent): KernelFact[] {
  if (config.adopt || !config.filtered || !publishesFromLoopback(config, endpoint)) return [];
  return [{ kind: "sysctl", namespace: HOST, key: `net/ipv4/conf/${config.bridge}/route_localnet`, value: "1" }];
}
