/**
 * The Container Network Model as the layers above see it: a controller with networks, endpoints and sandboxes.
 *
 * - A network is a set of endpoints that reach each other directly.
 * - An endpoint belongs to one network for life and joins at most one sandbox.
 * - A sandbox is one container's network stack; it may have many endpoints.
 *
 * Every method validates, commits an intent, then makes the kernel follow; when the kernel refuses, the intent is taken
 * back and nothing is left. Errors are EngineErrors with Docker's sentences. What is returned is an immutable view.
 */
import type { IpAddress } from "../addr/ip-address.ts";
import type { MacAddress } from "../addr/mac-address.ts";
import type { PortRange } from "../addr/port-range.ts";
import type { Prefix } from "../addr/prefix.ts";
import type { Family } from "../addr/ip-address.ts";
import type { EndpointIntent, NetworkIntent, PeerIntent } from "../drivers/intent.ts";
import type { LinkStatistics } from "../kernel/observation.ts";
import type { Exposure, PublishedPlace } from "../ports/exposure/exposure.ts";
import type { PortProtocol } from "../ports/ports.ts";

export interface NetworkController extends AsyncDisposable {
  /** All networks, oldest first. */
  networks(): readonly NetworkIntent[];

  /** Exact id, then name, then unique id prefix. Throws `not-found` "network X not found", `invalid-argument` if ambiguous. */
  findNetwork(reference: string): NetworkIntent;

  createNetwork(spec: NetworkSpec): Promise<NetworkIntent>;

  /** Refused with `forbidden` for predefined networks and while endpoints exist. */
  removeNetwork(reference: string): Promise<void>;

  /** Endpoints of a network, or of all. */
  endpoints(networkId?: string): readonly EndpointIntent[];

  /** Endpoints of the other living hosts on a network that they share; none on others. Costs no request. */
  peers(networkId: string): readonly PeerIntent[];

  /**
   * Takes the endpoint of a host that is gone off a shared network, by the endpoint's name. Throws `not-found`, and `conflict` when its
   * host is alive.
   */
  evictPeer(networkId: string, name: string): Promise<void>;

  /** Makes a network stack and joins it to the networks, all in one batch. */
  createSandbox(spec: SandboxSpec): Promise<SandboxView>;

  sandboxes(): readonly SandboxView[];

  findSandbox(id: string): SandboxView | undefined;

  /** Leaves every network, releases addresses, removes the namespace. Accepts absence. */
  removeSandbox(id: string): Promise<void>;

  /** Makes an endpoint on the network and joins it to a running sandbox: a new interface appears in it. */
  connect(sandboxId: string, spec: EndpointSpec): Promise<EndpointIntent>;

  /** The reverse of connect. */
  disconnect(endpointId: string): Promise<void>;

  /** Gives a sandbox's endpoints new DNS names, at once (container rename). */
  renameEndpoints(sandboxId: string, name: string, dnsNames: readonly string[]): Promise<void>;

  /** Every published port with who can reach it now: from this host's addresses, firewalls and rules at this moment. */
  exposures(): Promise<readonly PortExposure[]>;

  /** Counters of each interface but lo. */
  statistics(sandboxId: string): Promise<Readonly<Record<string, LinkStatistics>>>;
}

export interface NetworkSpec {
  readonly name: string;
  readonly driver?: string;
  readonly enableIPv4?: boolean;
  readonly enableIPv6?: boolean;
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly ingress?: boolean;
  readonly scope?: string;
  readonly configOnly?: boolean;
  readonly configFrom?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ipam?: {
    readonly driver?: string;
    readonly options?: Readonly<Record<string, string>>;
    readonly pools?: readonly PoolSpec[];
  };
}

export interface PoolSpec {
  readonly family: Family;
  /** Leased already, gateway included, and given back by whoever leased it where the network is not made. */
  readonly poolId?: string;
  readonly subnet?: Prefix;
  readonly range?: Prefix;
  readonly gateway?: IpAddress;
  readonly auxiliary?: Readonly<Record<string, IpAddress>>;
}

export interface EndpointSpec {
  /** Id, name or id prefix. */
  readonly network: string;
  /** Endpoint name; unique on its network. The container's name. */
  readonly name: string;
  readonly ipv4Address?: IpAddress;
  readonly ipv6Address?: IpAddress;
  readonly linkLocal?: readonly IpAddress[];
  readonly mac?: MacAddress;
  /** Container name, aliases, short id, hostname: de-duplicated, the first answers PTR. */
  readonly dnsNames?: readonly string[];
  readonly privateAliases?: Readonly<Record<string, string>>;
  readonly options?: Readonly<Record<string, string>>;
  readonly gatewayPriority?: number;
}

/** A port of the container that is to be reached from outside. */
export interface PortRequest {
  readonly protocol: PortProtocol;
  readonly containerPort: number;
  /** Of the host; absent: the network's default, else every address. */
  readonly hostAddress?: IpAddress;
  /** A single port must be that one; a longer range gives its first free one; absent: one of the ephemeral range. */
  readonly hostPorts?: PortRange;
}

/** From a parent to a child, another container on the default bridge (`--link`). */
export interface SandboxLink {
  /** The child: its sandbox is looked for whenever it comes or goes. */
  readonly containerId: string;
  /** What the parent's hosts file calls it, the alias first. */
  readonly names: readonly string[];
  /** What the parent may reach of it where containers do not reach each other. */
  readonly ports: readonly { readonly protocol: PortProtocol; readonly port: number }[];
}

/** A published port or range of one endpoint, seen from outside. */
export interface PortExposure extends PublishedPlace, Exposure {
  readonly containerId: string;
  /** The endpoint's, which is the container's. */
  readonly name: string;
  readonly networkName: string;
}

export interface SandboxSpec {
  /** Whose it is; shown in errors and in `Containers` of inspect. */
  readonly containerId: string;
  readonly hostname: string;
  readonly domainname?: string;
  /** Directory, made by the caller, in which `hosts`, `hostname` and `resolv.conf` are written. */
  readonly filesDirectory: string;
  /** Values given for this container replace the daemon's, which replace the host file's. */
  readonly dns?: {
    readonly servers?: readonly IpAddress[];
    readonly search?: readonly string[];
    readonly options?: readonly string[];
  };
  /** `--add-host`: lines for /etc/hosts; `host-gateway` stands for the gateway address of the default bridge. */
  readonly extraHosts?: readonly { readonly name: string; readonly address: IpAddress | "host-gateway" }[];
  /** `net.*` sysctls to set in the namespace, with dots. */
  readonly sysctls?: Readonly<Record<string, string>>;
  /**
   * Published by the endpoints that provide the default routes, for as long as they do; the endpoints' intents say what came
   * of it. In the host's namespace there is nothing to publish.
   */
  readonly ports?: readonly PortRequest[];
  /** Ports that the container says it listens on, published or not; plugins are told. */
  readonly exposed?: readonly { readonly protocol: PortProtocol; readonly port: number }[];
  readonly links?: readonly SandboxLink[];
  readonly endpoints: readonly EndpointSpec[];
}

export interface SandboxView {
  readonly id: string;
  readonly containerId: string;
  /** Path of the namespace file, `<run directory>/netns/<12 digits>`; the host's own when `hostNamespace`. */
  readonly key: string;
  readonly hostNamespace: boolean;
  readonly hostsPath: string;
  readonly hostnamePath: string;
  readonly resolvConfPath: string;
  readonly endpoints: readonly JoinedEndpoint[];
}

export interface JoinedEndpoint {
  readonly endpoint: EndpointIntent;
  readonly network: NetworkIntent;
  /** Gateway addresses the network offers, per family, for inspect. */
  readonly gateways: readonly IpAddress[];
  /** On `docker_gwbridge`, for the way out alone: nobody asked for it, and it comes and goes by itself. */
  readonly automatic?: boolean;
}
