/**
 * Calls of a network driver (libnetwork `docs/remote.md`). Addresses are CIDR text, with host bits where an interface has
 * them; gateways and next hops are bare addresses. An absent or empty text means that nothing is said.
 */
import type { TransportProtocol } from "../../../firewall/firewall.ts";
import { present } from "../../../store/record-reader.ts";
import { callsOf, NETWORK_DRIVER_INTERFACE, nothing, type Call, type Nothing, type Options } from "./protocol.ts";
import type { WireReader } from "./wire-reader.ts";

/** Names in `Options` of the requests, which dockerd calls labels. */
export const LABEL = {
  /** The user's `-o` options. */
  generic: "com.docker.network.generic",
  enableIPv4: "com.docker.network.enable_ipv4",
  enableIPv6: "com.docker.network.enable_ipv6",
  internal: "com.docker.network.internal",
  exposedPorts: "com.docker.network.endpoint.exposedports",
  portMap: "com.docker.network.portmap",
} as const;

/** `Proto` of a port (IANA). */
export const PROTOCOL_NUMBERS: Readonly<Record<TransportProtocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

export interface Capabilities {
  /** "local" or "global": whether networks are known to one host or to all. */
  readonly Scope: string;
  /** Whether traffic crosses hosts; absent or empty: as `Scope`. "global" asks for discovery of hosts. */
  readonly ConnectivityScope?: string;
  readonly GwAllocChecker?: boolean;
}

/** What IPAM leased for a subnet of a network. */
export interface IpamData {
  readonly AddressSpace: string;
  /** The subnet. */
  readonly Pool: string;
  /** The gateway's address with the subnet's length. */
  readonly Gateway?: string;
  /** Addresses kept for other uses, by name. */
  readonly AuxAddresses?: Readonly<Record<string, string>>;
}

export interface NetworkRef {
  /** 64 hex digits. */
  readonly NetworkID: string;
}

export interface EndpointRef extends NetworkRef {
  /** 64 hex digits. */
  readonly EndpointID: string;
}

export interface NewNetwork extends NetworkRef {
  readonly Options: Options;
  readonly IPv4Data: readonly IpamData[];
  readonly IPv6Data: readonly IpamData[];
}

export interface AllocatedNetwork {
  readonly Options: Readonly<Record<string, string>>;
}

export interface EndpointInterface {
  readonly Address?: string;
  readonly AddressIPv6?: string;
  readonly MacAddress?: string;
}

export interface NewEndpoint extends EndpointRef {
  /** What IPAM and the user decided. */
  readonly Interface: EndpointInterface;
  readonly Options: Options;
}

export interface CreatedEndpoint {
  /** What the driver decided; it must not say anything that the request said. */
  readonly Interface?: EndpointInterface;
}

export interface Joining extends EndpointRef {
  /** Path of the sandbox's namespace file. */
  readonly SandboxKey: string;
  readonly Options: Options;
}

export interface Joined {
  readonly InterfaceName?: {
    /** Name of the interface that the driver made, in the host's namespace. */
    readonly SrcName: string;
    /** It is named with this and the lowest free number in the sandbox. */
    readonly DstPrefix: string;
  };
  readonly Gateway?: string;
  readonly GatewayIPv6?: string;
  readonly StaticRoutes?: readonly StaticRoute[];
  readonly DisableGatewayService?: boolean;
}

export const NEXT_HOP = 0;
export const CONNECTED = 1;

export interface StaticRoute {
  readonly Destination: string;
  /** `NEXT_HOP` or `CONNECTED`. */
  readonly RouteType: number;
  readonly NextHop?: string;
}

export interface Connectivity extends EndpointRef {
  readonly Options: Options;
}

export const HOST_DISCOVERY = 1;

/** A host came or went. */
export interface Discovery {
  /** `HOST_DISCOVERY`; swarm has others. */
  readonly DiscoveryType: number;
  readonly DiscoveryData: { readonly Address: string; readonly BindAddress: string; readonly Self: boolean };
}

const text = (reader: WireReader): string => reader.text();
const spoken = (reader: WireReader): string | undefined => reader.text() || undefined;

const networkRef = (reader: WireReader): NetworkRef => ({ NetworkID: reader.field("NetworkID").text() });

const endpointRef = (reader: WireReader): EndpointRef => ({
  ...networkRef(reader),
  EndpointID: reader.field("EndpointID").text(),
});

const options = (reader: WireReader): Options => reader.field("Options").options();

function capabilities(reader: WireReader): Capabilities {
  return present({
    Scope: reader.field("Scope").text(),
    ConnectivityScope: spoken(reader.field("ConnectivityScope")),
    GwAllocChecker: reader.field("GwAllocChecker").flag(),
  });
}

function ipamData(reader: WireReader): IpamData {
  return present({
    AddressSpace: reader.field("AddressSpace").text(),
    Pool: reader.field("Pool").text(),
    Gateway: spoken(reader.field("Gateway")),
    AuxAddresses: reader.field("AuxAddresses").optional((map) => map.map(text)),
  });
}

function newNetwork(reader: WireReader): NewNetwork {
  return {
    ...networkRef(reader),
    Options: options(reader),
    IPv4Data: reader.field("IPv4Data").list(ipamData),
    IPv6Data: reader.field("IPv6Data").list(ipamData),
  };
}

function endpointInterface(reader: WireReader): EndpointInterface {
  return present({
    Address: spoken(reader.field("Address")),
    AddressIPv6: spoken(reader.field("AddressIPv6")),
    MacAddress: spoken(reader.field("MacAddress")),
  });
}

function joined(reader: WireReader): Joined {
  return present({
    InterfaceName: reader.field("InterfaceName").optional((name) => ({
      SrcName: name.field("SrcName").text(),
      DstPrefix: name.field("DstPrefix").text(),
    })),
    Gateway: spoken(reader.field("Gateway")),
    GatewayIPv6: spoken(reader.field("GatewayIPv6")),
    StaticRoutes: reader.field("StaticRoutes").list((route) =>
      present({
        Destination: route.field("Destination").text(),
        RouteType: route.field("RouteType").integer(),
        NextHop: spoken(route.field("NextHop")),
      }),
    ),
    DisableGatewayService: reader.field("DisableGatewayService").flag(),
  });
}

function discovery(reader: WireReader): Discovery {
  const data = reader.field("DiscoveryData");
  return {
    DiscoveryType: reader.field("DiscoveryType").integer(),
    DiscoveryData: {
      Address: data.field("Address").text(),
      BindAddress: data.field("BindAddress").text(),
      Self: data.field("Self").flag(),
    },
  };
}

const call = callsOf(NETWORK_DRIVER_INTERFACE);

const told = <Request>(method: string, request: (reader: WireReader) => Request): Call<Request, Nothing> =>
  call(method, request, nothing);

export const NETWORK_DRIVER = {
  GetCapabilities: call("GetCapabilities", nothing, capabilities),
  GwAllocCheck: call(
    "GwAllocCheck",
    (reader) => ({ Options: options(reader) }),
    (reader) => ({ SkipIPv4: reader.field("SkipIPv4").flag(), SkipIPv6: reader.field("SkipIPv6").flag() }),
  ),
  AllocateNetwork: call("AllocateNetwork", newNetwork, (reader): AllocatedNetwork => ({
    Options: reader.field("Options").map(text),
  })),
  FreeNetwork: told("FreeNetwork", networkRef),
  CreateNetwork: told("CreateNetwork", newNetwork),
  DeleteNetwork: told("DeleteNetwork", networkRef),
  CreateEndpoint: call(
    "CreateEndpoint",
    (reader): NewEndpoint => ({
      ...endpointRef(reader),
      Interface: endpointInterface(reader.field("Interface")),
      Options: options(reader),
    }),
    (reader): CreatedEndpoint => present({ Interface: reader.field("Interface").optional(endpointInterface) }),
  ),
  EndpointOperInfo: call("EndpointOperInfo", endpointRef, (reader) => ({ Value: reader.field("Value").options() })),
  DeleteEndpoint: told("DeleteEndpoint", endpointRef),
  Join: call(
    "Join",
    (reader): Joining => ({
      ...endpointRef(reader),
      SandboxKey: reader.field("SandboxKey").text(),
      Options: options(reader),
    }),
    joined,
  ),
  Leave: told("Leave", endpointRef),
  ProgramExternalConnectivity: told("ProgramExternalConnectivity", (reader): Connectivity => ({
    ...endpointRef(reader),
    Options: options(reader),
  })),
  RevokeExternalConnectivity: told("RevokeExternalConnectivity", endpointRef),
  DiscoverNew: told("DiscoverNew", discovery),
  DiscoverDelete: told("DiscoverDelete", discovery),
} as const;
