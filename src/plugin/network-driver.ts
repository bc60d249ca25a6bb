/**
 * What a network driver of one's own is asked by dockerd or causewayd: the calls of the remote driver protocol (libnetwork
 * `docs/remote.md`) as functions over values. `servePlugin` checks every request before a handler sees it, and answers the
 * calls whose handlers are left out.
 *
 * The daemon owns addresses (they come from its IPAM, or from the plugin's own), routes and names inside the container, and moves
 * the interface there. The driver owns the interface up to then, and whatever joins it to others. The daemon may repeat a
 * deletion and may delete what was never made; a handler that throws makes the daemon undo what it had done of the operation.
 */
import type { IpAddress } from "../addr/ip-address.ts";
import type { MacAddress } from "../addr/mac-address.ts";
import type { Prefix } from "../addr/prefix.ts";
import type { TransportProtocol } from "../firewall/firewall.ts";

type Answer<T> = T | Promise<T>;

export interface NetworkDriverHandlers {
  /** Told to the daemon when it activates the plugin; "local" networks when left out. */
  readonly capabilities?: NetworkDriverCapabilities;

  /** `docker network create -d NAME`. The daemon calls it once for each network, and again for none after its own restart. */
  createNetwork(network: NetworkRequest): Answer<void>;

  /** `docker network rm`. */
  deleteNetwork(network: { readonly networkId: string }): Answer<void>;

  /** Before a container starts or connects. What is returned is used where the request left it open, and may name nothing else. */
  createEndpoint(endpoint: EndpointRequest): Answer<EndpointAddresses | void>;

  deleteEndpoint(endpoint: EndpointKey): Answer<void>;

  /** The container's network namespace exists now: which interface is to be moved into it, and how it is to be used. */
  join(endpoint: JoinRequest): Answer<JoinAnswer>;

  /** The daemon has moved the interface back under the name that `join` gave it, unless its namespace is gone. */
  leave(endpoint: EndpointKey): Answer<void>;

  /** Called for the endpoint that carries the container's default route: publish these ports. Does nothing when left out. */
  programExternalConnectivity?(endpoint: EndpointKey & EndpointPorts): Answer<void>;

  /** The reverse. Does nothing when left out. */
  revokeExternalConnectivity?(endpoint: EndpointKey): Answer<void>;

  /** Facts for whoever looks at the endpoint. None when left out. */
  operationalInfo?(endpoint: EndpointKey): Answer<Readonly<Record<string, unknown>>>;

  /** Only asked of drivers of global scope by swarm managers: options for every node. None when left out. */
  allocateNetwork?(network: NetworkRequest): Answer<Readonly<Record<string, string>>>;

  freeNetwork?(network: { readonly networkId: string }): Answer<void>;

  /** A host came, of a driver whose connectivity is global. */
  discoverNew?(host: DiscoveredHost): Answer<void>;

  discoverDelete?(host: DiscoveredHost): Answer<void>;
}

export interface NetworkDriverCapabilities {
  /** Whether networks are known to one host, or, under swarm, to all. */
  readonly scope: "local" | "global";
  /** How far their packets go; `scope` when left out. Only with "global" are hosts announced (`discoverNew`). */
  readonly connectivityScope?: "local" | "global";
}

export interface NetworkRequest {
  /** 64 hex digits. */
  readonly networkId: string;
  /** `-o KEY=VALUE`. */
  readonly options: Readonly<Record<string, unknown>>;
  /** `--internal`: no way out of it. */
  readonly internal: boolean;
  readonly enableIPv4: boolean;
  readonly enableIPv6: boolean;
  /** The subnets leased for it. */
  readonly ipv4: readonly PoolData[];
  readonly ipv6: readonly PoolData[];
}

export interface PoolData {
  readonly addressSpace: string;
  readonly subnet: Prefix;
  /** With the subnet's length; absent where IPAM gives none. */
  readonly gateway?: Prefix;
  /** `--aux-address`. */
  readonly auxiliary: Readonly<Record<string, Prefix>>;
}

export interface EndpointKey {
  readonly networkId: string;
  readonly endpointId: string;
}

/** An interface's addresses, with their subnet's length. */
export interface EndpointAddresses {
  readonly address?: Prefix;
  readonly addressIPv6?: Prefix;
  readonly mac?: MacAddress;
}

export interface EndpointPorts {
  /** What the image or `--expose` says. */
  readonly exposed: readonly { readonly protocol: TransportProtocol; readonly port: number }[];
  /** `-p`. */
  readonly published: readonly PortMapping[];
}

export interface PortMapping {
  readonly protocol: TransportProtocol;
  readonly containerPort: number;
  /** Absent: every address of the host. */
  readonly hostAddress?: IpAddress;
  /** 0: any free port. */
  readonly hostPort: number;
  /** Last of a range to choose from. */
  readonly hostPortEnd: number;
}

export interface EndpointRequest extends EndpointKey, EndpointPorts {
  /** What is decided already; the rest is the driver's to choose. */
  readonly interface: EndpointAddresses;
  /** `--driver-opt`, and the daemon's own labels. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface JoinRequest extends EndpointKey {
  /** Path of the container's network namespace. */
  readonly sandboxKey: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface JoinAnswer {
  /** Absent: the driver itself sees to the container's interface. */
  readonly interface?: {
    /** Of the interface in the host's namespace; the daemon moves it. At most 15 bytes. */
    readonly sourceName: string;
    /** It is named with this and the lowest free number inside: "eth" makes eth0. */
    readonly prefix: string;
  };
  readonly gateway?: IpAddress;
  readonly gatewayIPv6?: IpAddress;
  /** Without a gateway: reached through the interface itself. */
  readonly routes?: readonly { readonly destination: Prefix; readonly gateway?: IpAddress }[];
  /** Whether a container without a gateway goes without docker_gwbridge too. */
  readonly disableGatewayService?: boolean;
}

export interface DiscoveredHost {
  readonly address: IpAddress;
  readonly bindAddress?: IpAddress;
  /** It is the host that the plugin runs on. */
  readonly self: boolean;
}
