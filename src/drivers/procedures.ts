/**
 * The model's verbs as calls, for a driver that is another program behind the remote protocol (libnetwork `docs/remote.md`). The
 * controller calls them around its own work, in dockerd's order, and puts the answers into the intents; the driver's pure
 * functions then say what the sandbox needs. Each throws EngineError naming plugin and call; what was done before is then
 * undone by the reverse call.
 */
import type { TransportProtocol } from "../firewall/firewall.ts";
import type { Family, IpAddress } from "../addr/ip-address.ts";
import type { EndpointIntent, NetworkIntent } from "./intent.ts";

export interface DriverProcedures {
  /** Families for which the network has no use for a gateway: none is leased then that nobody asked for. Asked before leasing. */
  skippedGateways(network: NetworkIntent): Promise<readonly Family[]>;

  createNetwork(network: NetworkIntent): Promise<void>;

  /** Accepts that the plugin does not know it. */
  deleteNetwork(network: NetworkIntent): Promise<void>;

  /** The endpoint with whatever address or MAC the plugin gave where none was set. Ports: where they are this endpoint's. */
  createEndpoint(
    network: NetworkIntent,
    endpoint: EndpointIntent,
    ports: EndpointPorts | undefined,
  ): Promise<EndpointIntent>;

  deleteEndpoint(network: NetworkIntent, endpoint: EndpointIntent): Promise<void>;

  /** The endpoint with its `plugged`. `sandboxKey` is the path of the sandbox's namespace file. */
  join(
    network: NetworkIntent,
    endpoint: EndpointIntent,
    place: { readonly sandboxKey: string; readonly ports: EndpointPorts | undefined },
  ): Promise<EndpointIntent>;

  leave(network: NetworkIntent, endpoint: EndpointIntent): Promise<void>;

  /** Called when the endpoint becomes the sandbox's gateway. */
  programExternalConnectivity(
    network: NetworkIntent,
    endpoint: EndpointIntent,
    ports: EndpointPorts | undefined,
  ): Promise<void>;

  revokeExternalConnectivity(network: NetworkIntent, endpoint: EndpointIntent): Promise<void>;

  /** What the plugin says of the endpoint, for `inspect`. */
  operationalInfo(network: NetworkIntent, endpoint: EndpointIntent): Promise<Readonly<Record<string, unknown>>>;

  /** A host of the cluster came, for drivers whose networks span hosts. */
  hostFound(host: DiscoveredHost): Promise<void>;

  hostLost(host: DiscoveredHost): Promise<void>;
}

export interface DiscoveredHost {
  readonly address: IpAddress;
  readonly isSelf: boolean;
}

/** What the container exposes, and what shall be published. */
export interface EndpointPorts {
  readonly exposed: readonly { readonly protocol: TransportProtocol; readonly port: number }[];
  readonly mappings: readonly {
    readonly protocol: TransportProtocol;
    readonly containerPort: number;
    readonly hostAddress?: IpAddress;
    /** 0: any. */
    readonly hostPort: number;
    readonly hostPortEnd: number;
  }[];
}
