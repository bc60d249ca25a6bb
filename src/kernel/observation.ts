/** What the kernel has, read by one dump per table: the other half of a plan. Foreign things are in here too. */
import type { IpAddress } from "../addr/ip-address.ts";
import type { MacAddress } from "../addr/mac-address.ts";
import type { Prefix } from "../addr/prefix.ts";
import type { NamespaceRef } from "./facts.ts";

export interface Observation {
  readonly namespace: NamespaceRef;
  readonly links: readonly ObservedLink[];
  readonly addresses: readonly ObservedAddress[];
  readonly routes: readonly ObservedRoute[];
  readonly neighbours: readonly ObservedNeighbour[];
  readonly forwarding: readonly ObservedForwarding[];
  /** Values of the sysctls that `observe` was asked for; those that the kernel does not have are absent. */
  readonly sysctls: Readonly<Record<string, string>>;
}

export interface ObservedLink {
  readonly index: number;
  readonly name: string;
  /** IFLA_INFO_KIND ("bridge", "veth", ...), or "" for hardware and loopback. */
  readonly type: string;
  readonly mac?: MacAddress;
  readonly mtu: number;
  readonly master?: string;
  /** As a port of a bridge; absent on links that are none. */
  readonly hairpin?: boolean;
  readonly up: boolean;
  readonly alias?: string;
  /** Of a VXLAN. */
  readonly vxlan?: ObservedVxlan;
  /** Counters since the link was made (IFLA_STATS64). */
  readonly statistics: LinkStatistics;
}

export interface ObservedVxlan {
  readonly vni: number;
  readonly port: number;
  readonly local?: IpAddress;
  readonly learning: boolean;
  readonly proxy: boolean;
  /** Its socket is in another namespace than the link. */
  readonly isAcross: boolean;
}

export interface LinkStatistics {
  readonly rxBytes: bigint;
  readonly rxPackets: bigint;
  readonly rxErrors: bigint;
  readonly rxDropped: bigint;
  readonly txBytes: bigint;
  readonly txPackets: bigint;
  readonly txErrors: bigint;
  readonly txDropped: bigint;
}

export interface ObservedAddress {
  readonly link: string;
  readonly address: Prefix;
}

export interface ObservedRoute {
  readonly link: string;
  readonly destination: Prefix;
  readonly gateway?: IpAddress;
  /** Directly attached (RT_SCOPE_LINK). */
  readonly onLink: boolean;
}

export interface ObservedNeighbour {
  readonly link: string;
  readonly address: IpAddress;
  readonly mac: MacAddress;
  readonly permanent: boolean;
}

export interface ObservedForwarding {
  readonly link: string;
  readonly mac: MacAddress;
  readonly destination: IpAddress;
  /** False for what the VXLAN learned by itself and will forget. */
  readonly permanent: boolean;
}
