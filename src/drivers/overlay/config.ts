/**
 * An overlay network's settings with every default filled in, and its segments: a segment is one broadcast domain, a bridge
 * and a VXLAN on every host that has containers on it. Each subnet is a segment of its own, as Docker's are, and what passes
 * between them passes the gateways. Where a network has both address families its interfaces have an address of each, so all
 * its subnets share one segment. Everything else in this folder reads `OverlayConfig` only.
 */
import { join } from "node:path";
import type { IpAddress } from "../../addr/ip-address.ts";
import { prefixContains, type Prefix } from "../../addr/prefix.ts";
import { HOST, type NamespaceRef } from "../../kernel/facts.ts";
import { enabledFamilies } from "../enabled-families.ts";
import type { NetworkIntent } from "../intent.ts";
import { parseOverlayOptions } from "./options.ts";

export interface OverlayDriverOptions {
  /** Absolute; networks' namespace files are made here. */
  readonly namespaceDirectory: string;
  /** This host's end of every tunnel (`--cluster-advertise`). */
  readonly advertise: IpAddress;
  /** Of the wires between hosts, in bytes, where a network does not say; 1500. */
  readonly mtu?: number;
  /** UDP; 4789, as RFC 7348 says. All hosts must use the same. */
  readonly vxlanPort?: number;
  /** The namespace that has the advertised address: the host's. */
  readonly underlay?: NamespaceRef;
}

export interface OverlayConfig {
  readonly namespace: NamespaceRef;
  readonly advertise: IpAddress;
  readonly underlay: NamespaceRef;
  readonly port: number;
  /** Of containers' interfaces, in bytes. */
  readonly mtu: number;
  readonly hasIPv6: boolean;
  readonly segments: readonly Segment[];
}

export interface Segment {
  /** "br0", "br1", ... */
  readonly bridge: string;
  /** "vxlan0", "vxlan1", ... */
  readonly vxlan: string;
  readonly vni: number;
  readonly subnets: readonly SegmentSubnet[];
}

export interface SegmentSubnet {
  readonly subnet: Prefix;
  /** The bridge's address, the same on every host. */
  readonly gateway?: IpAddress;
}

const DEFAULT_MTU = 1500;
const DEFAULT_PORT = 4789;
/** What VXLAN puts before a packet: Ethernet 14, VXLAN 8, UDP 8, and an IP header of the underlay. */
const OVERHEAD = { 4: 50, 6: 70 } as const;

/** Twelve characters, as Docker's are; the same after a restart, and never a sandbox's, whose names are hexadecimal. */
export function networkNamespaceName(networkId: string): string {
  return `1-${networkId.slice(0, 10)}`;
}

/** Throws EngineError when the options are malformed. Pools without a subnet or VXLAN id (not leased yet) are left out. */
export function overlayConfig(network: NetworkIntent, driver: OverlayDriverOptions): OverlayConfig {
  const { mtu = driver.mtu ?? DEFAULT_MTU } = parseOverlayOptions(network.options);
  return {
    namespace: join(driver.namespaceDirectory, networkNamespaceName(network.id)),
    advertise: driver.advertise,
    underlay: driver.underlay ?? HOST,
    port: driver.vxlanPort ?? DEFAULT_PORT,
    mtu: mtu - OVERHEAD[driver.advertise.family],
    hasIPv6: network.enableIPv6,
    segments: segmentsOf(network),
  };
}

function segmentsOf(network: NetworkIntent): readonly Segment[] {
  const families = enabledFamilies(network);
  const leased = network.pools.flatMap(({ family, subnet, gateway, vni }) =>
    subnet === undefined || vni === undefined || !families.includes(family)
      ? []
      : [{ vni, subnet, ...(gateway === undefined ? {} : { gateway }) }],
  );
  const groups = families.length > 1 ? [leased] : leased.map((pool) => [pool]);
  return groups.flatMap((group, index): Segment[] => {
    const vni = group[0]?.vni;
    const subnets = group.map(({ vni: _vni, ...subnet }) => subnet);
    return vni === undefined ? [] : [{ bridge: `br${index}`, vxlan: `vxlan${index}`, vni, subnets }];
  });
}

/** The segment that an address belongs to, and its subnet there. */
export function placeOf(
  { segments }: Pick<OverlayConfig, "segments">,
  address: IpAddress,
): { readonly segment: Segment; readonly subnet: SegmentSubnet } | undefined {
  for (const segment of segments) {
    const subnet = segment.subnets.find((each) => prefixContains(each.subnet, address));
    if (subnet !== undefined) return { segment, subnet };
  }
  return undefined;
}
