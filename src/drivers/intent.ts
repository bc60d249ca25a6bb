/**
 * The intents that drivers work from: what networks and endpoints there shall be. Immutable; a change is a new record in the
 * store. The controller owns how they are stored and validated (`controller/records.ts`).
 */
import type { Family, IpAddress } from "../addr/ip-address.ts";
import type { PortRange } from "../addr/port-range.ts";
import type { MacAddress } from "../addr/mac-address.ts";
import type { Prefix } from "../addr/prefix.ts";
import type { TransportProtocol } from "../firewall/firewall.ts";

export interface NetworkIntent {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  /** "bridge", "host", "null", or another driver's name. */
  readonly driver: string;
  readonly createdNs: bigint;
  readonly scope: "local" | "global" | "swarm";
  /** Of scope global, made while this host was in no cluster: it stays this host's. */
  readonly unshared?: boolean;
  readonly enableIPv4: boolean;
  readonly enableIPv6: boolean;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly ingress: boolean;
  readonly configOnly: boolean;
  /** Name of the configuration-only network that it was made from. */
  readonly configFrom?: string;
  /** Driver options (`com.docker.network.bridge.name`, ...). */
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly ipamDriver: string;
  readonly ipamOptions?: Readonly<Record<string, string>>;
  readonly pools: readonly PoolIntent[];
  /** One of bridge, host, none: cannot be removed, has no resolver. */
  readonly predefined: boolean;
}

/** A subnet of a network, with what the user asked for and what came of it. */
export interface PoolIntent {
  /** The IPAM driver's name for the pool; absent on configuration-only networks, which lease nothing. */
  readonly poolId?: string;
  readonly family: Family;
  /** Absent only on configuration-only networks that leave it to chance. */
  readonly subnet?: Prefix;
  readonly range?: Prefix;
  readonly gateway?: IpAddress;
  readonly auxiliary: Readonly<Record<string, IpAddress>>;
  /** VXLAN network identifier of the subnet, on networks that span hosts. */
  readonly vni?: number;
}

export interface EndpointIntent {
  readonly id: string;
  readonly networkId: string;
  /** The container's name, or a name of its own. */
  readonly name: string;
  readonly mac?: MacAddress;
  /** At most one per family, with the subnet's length. */
  readonly addresses: readonly Prefix[];
  readonly linkLocal: readonly IpAddress[];
  /** Names for DNS, the main one first (it also answers PTR). */
  readonly dnsNames: readonly string[];
  /** `--link name:alias` on this network, alias to name. */
  readonly privateAliases: Readonly<Record<string, string>>;
  /** Endpoint driver options (`com.docker.network.endpoint.ifname`, ...). */
  readonly options: Readonly<Record<string, string>>;
  /** Higher wins the default route. */
  readonly gatewayPriority: number;
  /** What the controller resolved for it: held host ports, nothing that overlaps. */
  readonly ports: readonly PublishedPort[];
  /** What it may reach although containers of its network do not reach each other. */
  readonly links: readonly PortLink[];
  /** Set once it joined a sandbox. */
  readonly attachment?: Attachment;
  /** What a plugin answered when the endpoint joined. */
  readonly plugged?: Plugged;
  /** Of an endpoint whose sandbox another engine has: it never has an attachment of ours. */
  readonly lent?: Lent;
}

/** An endpoint that we provide to another engine, such as dockerd: that moves the interface, and gives it its addresses. */
export interface Lent {
  /** Path of the sandbox's namespace file, which is the other engine's; absent until the endpoint joins. */
  readonly sandboxKey?: string;
}

/** An interface that a plugin made, and how the sandbox is to use it (`NetworkDriver.Join`). */
export interface Plugged {
  /** Name of the interface in the host's namespace, from where it is moved; absent: the plugin has none to give. */
  readonly sourceName?: string;
  /** Interfaces are named with this and the lowest free number. */
  readonly prefix: string;
  readonly gateways: readonly IpAddress[];
  /** Without a gateway: connected through the interface itself. */
  readonly routes: readonly { readonly destination: Prefix; readonly gateway?: IpAddress }[];
  readonly disableGatewayService: boolean;
}

/** Who is on a network, as this host knows it now. */
export interface NetworkMembers {
  /** Endpoints of this host that are joined or about to be. */
  readonly local: readonly EndpointIntent[];
  /** Endpoints of other hosts. */
  readonly peers: readonly PeerIntent[];
}

export const NO_MEMBERS: NetworkMembers = { local: [], peers: [] };

/** An endpoint that another host runs. */
export interface PeerIntent {
  readonly id: string;
  readonly networkId: string;
  readonly name: string;
  /** Absent where a plugin made its interface and did not say. */
  readonly mac?: MacAddress;
  readonly addresses: readonly Prefix[];
  /** Names for DNS, the main one first. */
  readonly dnsNames: readonly string[];
  /** The address of its host where tunnels end. */
  readonly hostAddress: IpAddress;
  readonly hostName: string;
}

/** Ports of one of the host's addresses that lead to as many ports of an endpoint, to its address of the same family. */
export interface PublishedPort {
  readonly protocol: TransportProtocol;
  /** Unspecified: every address of the host, of that family. */
  readonly hostAddress: IpAddress;
  /** Absent where the driver says `direct`: none of the host's ports are involved. */
  readonly hostPorts?: PortRange;
  readonly containerPorts: PortRange;
}

/** A port of another endpoint of the same network, the child of a link. */
export interface PortLink {
  readonly child: IpAddress;
  readonly protocol: TransportProtocol;
  readonly port: number;
}

/** An endpoint's place in its sandbox. */
export interface Attachment {
  readonly sandboxId: string;
  /** "eth0" */
  readonly interfaceName: string;
}
