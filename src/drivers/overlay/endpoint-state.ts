/**
 * What an endpoint of an overlay network needs of the kernel: a veth pair, one end a port of its segment's bridge, the other
 * inside the sandbox under its final name, and the addresses there.
 */
import { EngineError } from "../../base/errors.ts";
import { MARK, type KernelFact } from "../../kernel/facts.ts";
import type { DesiredState, JoinInfo, Place } from "../driver.ts";
import { endpointAddresses } from "../endpoint-addresses.ts";
import type { EndpointIntent, NetworkIntent } from "../intent.ts";
import { placeOf, type OverlayConfig, type Segment } from "./config.ts";

/** Throws `internal` for an endpoint whose addresses are in none of the network's subnets. */
export function endpointState(config: OverlayConfig, endpoint: EndpointIntent, place: Place): DesiredState {
  return {
    facts: [vethPair(config, endpoint, place), ...endpointAddresses(endpoint, place)],
    policies: [],
  };
}

/**
 * Equivalent to: `ip -n NETWORK link add VETH mtu MTU type veth peer name ETH address MAC mtu MTU netns NS`, then
 * `ip -n NETWORK link set VETH master BRIDGE alias causeway:ID up` and `ip -n NS link set ETH up`.
 */
function vethPair(config: OverlayConfig, endpoint: EndpointIntent, place: Place): KernelFact {
  const { mtu } = config;
  const mac = endpoint.mac === undefined ? {} : { mac: endpoint.mac };
  return {
    kind: "link",
    namespace: config.namespace,
    name: `veth${endpoint.id.slice(0, 7)}`,
    device: { type: "veth", peer: { namespace: place.namespace, name: place.interfaceName, ...mac, mtu, up: true } },
    mtu,
    master: segmentOf(config, endpoint).bridge,
    up: true,
    alias: `${MARK}${endpoint.id}`,
  };
}

function segmentOf(config: OverlayConfig, { name, addresses }: EndpointIntent): Segment {
  const [segment] = addresses.flatMap(({ address }) => placeOf(config, address)?.segment ?? []);
  if (segment !== undefined) return segment;
  throw new EngineError("internal", `endpoint ${name} has an address in none of the network's subnets`);
}

/** Other subnets of the network are reached through the gateway; the outside, through the gateway network of its host. */
export function joinInfo(network: NetworkIntent, config: OverlayConfig, { addresses }: EndpointIntent): JoinInfo {
  const routes = addresses.flatMap(({ address }) => {
    const gateway = placeOf(config, address)?.subnet.gateway;
    if (gateway === undefined) return [];
    return config.segments
      .flatMap(({ subnets }) => subnets.map(({ subnet }) => subnet))
      .filter((subnet) => subnet.address.family === address.family)
      .filter((subnet) => subnet !== placeOf(config, address)?.subnet.subnet)
      .map((destination) => ({ destination, gateway }));
  });
  return { interfacePrefix: "eth", gateways: [], routes, wantsGatewayNetwork: !network.internal };
}
