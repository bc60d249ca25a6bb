/**
 * What an overlay network needs of a host that runs containers on it: a namespace of its own with a bridge and a VXLAN per
 * segment, the gateways' addresses, and the way to every container on other hosts. A host without containers on the network
 * carries nothing of it.
 *
 *     container ═ veth ═ br0 ═ vxlan0 ── UDP 4789 in the host's namespace ── other hosts
 *
 * The VXLAN learns nothing: what it forwards and answers is what these facts say. It answers ARP and neighbour solicitations
 * for containers elsewhere itself, so no broadcast ever crosses a wire.
 */
import { createHash } from "node:crypto";
import { formatAddress, type IpAddress } from "../../addr/ip-address.ts";
import { macFromBytes, type MacAddress } from "../../addr/mac-address.ts";
import { MARK, type KernelFact, type LinkFact, type SysctlFact } from "../../kernel/facts.ts";
import { NOTHING, type DesiredState } from "../driver.ts";
import type { NetworkIntent, NetworkMembers } from "../intent.ts";
import type { OverlayConfig, Segment } from "./config.ts";
import { peerFacts } from "./peer-facts.ts";

export function networkState(
  network: NetworkIntent,
  config: OverlayConfig,
  { local, peers }: NetworkMembers,
): DesiredState {
  if (local.length === 0) return NOTHING;
  return { facts: [...ground(network, config), ...peers.flatMap((peer) => peerFacts(config, peer))], policies: [] };
}

/** Intents do not change, and peers come and go: the same facts each time, which a plan then need not compare. */
const known = new WeakMap<OverlayConfig, readonly KernelFact[]>();

/** All but the ways to peers. */
function ground(network: NetworkIntent, config: OverlayConfig): readonly KernelFact[] {
  const facts = known.get(config) ?? [
    { kind: "namespace", path: config.namespace },
    { kind: "link", namespace: config.namespace, name: "lo", device: { type: "loopback" }, up: true },
    ...sysctls(config),
    ...config.segments.flatMap((segment) => segmentFacts(network, config, segment)),
  ];
  known.set(config, facts);
  return facts;
}

/** The gateways pass on what goes from one subnet to another. Without an IPv6 subnet there is no IPv6 in there at all. */
function sysctls({ namespace, hasIPv6 }: OverlayConfig): readonly SysctlFact[] {
  const sysctl = (key: string, value: string): SysctlFact => ({ kind: "sysctl", namespace, key, value });
  return [
    sysctl("net/ipv4/ip_forward", "1"),
    sysctl("net/ipv6/conf/default/disable_ipv6", hasIPv6 ? "0" : "1"),
    ...(hasIPv6 ? [sysctl("net/ipv6/conf/all/forwarding", "1")] : []),
  ];
}

function segmentFacts(network: NetworkIntent, config: OverlayConfig, segment: Segment): readonly KernelFact[] {
  const { namespace } = config;
  return [
    bridgeLink(network, config, segment),
    vxlanLink(network, config, segment),
    ...segment.subnets.flatMap(({ subnet, gateway }): KernelFact[] =>
      gateway === undefined
        ? []
        : [
            {
              kind: "address",
              namespace,
              link: segment.bridge,
              address: { address: gateway, length: subnet.length },
            },
          ],
    ),
  ];
}

/** Equivalent to: `ip link add br0 address MAC mtu MTU type bridge`, `ip link set br0 alias causeway:ID up`. */
function bridgeLink(network: NetworkIntent, config: OverlayConfig, { bridge }: Segment): LinkFact {
  return {
    kind: "link",
    namespace: config.namespace,
    name: bridge,
    device: { type: "bridge" },
    mac: gatewayMac(network, config.advertise, bridge),
    mtu: config.mtu,
    up: true,
    alias: `${MARK}${network.id}`,
  };
}

/**
 * The gateway has the same address on every host and must not have the same MAC: a bridge refuses frames that seem to come from
 * itself, and what one host routed from one subnet to another passes the bridges of the next. It does not change with ports
 * that come and go, nor at a restart.
 */
function gatewayMac(network: NetworkIntent, advertise: IpAddress, bridge: string): MacAddress {
  const digest = createHash("sha256")
    .update(`${network.id} ${formatAddress(advertise)} ${bridge}`)
    .digest();
  const mac = macFromBytes(Uint8Array.of(0x02, ...digest.subarray(0, 5)));
  if (mac === undefined) throw new Error("a digest shorter than a MAC address");
  return mac;
}

/**
 * Equivalent to: `ip link add vxlan0 mtu MTU type vxlan id VNI dstport 4789 local ADDRESS nolearning proxy` in the host's
 * namespace, `ip link set vxlan0 netns NS`, `ip -n NS link set vxlan0 master br0 alias causeway:ID up`.
 */
function vxlanLink(network: NetworkIntent, config: OverlayConfig, { bridge, vxlan, vni }: Segment): LinkFact {
  const { namespace, advertise, underlay, port, mtu } = config;
  return {
    kind: "link",
    namespace,
    name: vxlan,
    device: { type: "vxlan", vni, port, local: advertise, learning: false, proxy: true, underlay },
    mtu,
    master: bridge,
    up: true,
    alias: `${MARK}${network.id}`,
  };
}
