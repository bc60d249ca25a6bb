/**
 * A driver provides networks and endpoints. A built-in driver is a set of pure functions from intent to desired state: the
 * kernel facts and firewall policies that shall hold. It does no I/O and remembers nothing, so the same functions serve
 * creation, removal, start-up and repair.
 *
 * The model's verbs map onto it: create and delete of a network are its `networkState` appearing and disappearing, join and
 * leave of an endpoint its `endpointState`.
 */
import type { Family, IpAddress } from "../addr/ip-address.ts";
import type { Prefix } from "../addr/prefix.ts";
import type { Policy } from "../firewall/firewall.ts";
import type { KernelFact, NamespaceRef } from "../kernel/facts.ts";
import type { EndpointIntent, NetworkIntent, NetworkMembers } from "./intent.ts";
import type { DriverProcedures } from "./procedures.ts";

export interface Driver {
  /** As in `docker network create -d NAME`. */
  readonly name: string;

  readonly capabilities: DriverCapabilities;

  /**
   * Checks the network's options against the driver's rules and the networks that exist; throws EngineError with Docker's
   * text. Runs before anything is leased.
   */
  validate(network: NetworkIntent, existing: readonly NetworkIntent[]): void;

  /**
   * All that the network itself needs: its bridge and address, its firewall policies; of a network that spans hosts also the
   * way to the members on others.
   */
  networkState(network: NetworkIntent, members: NetworkMembers): DesiredState;

  /** All that an attached endpoint needs: its link pair into the namespace and its addresses. */
  endpointState(network: NetworkIntent, endpoint: EndpointIntent, place: Place): DesiredState;

  /** How the sandbox is to use the endpoint. */
  joinInfo(network: NetworkIntent, endpoint: EndpointIntent): JoinInfo;

  /**
   * A link of the host that the network uses as it is where it exists, because the user named it; its addresses then decide
   * what was not asked for. Undefined: the network makes its own.
   */
  adoptedLink(network: NetworkIntent): string | undefined;

  /** Whether its endpoints have no use for a gateway: none is leased then that nobody asked for. Absent: one is leased. */
  skipsGateway?(network: NetworkIntent): boolean;

  /**
   * Whether the host has what the network stands on and does not make itself; throws EngineError with Docker's text. `links` are
   * the names of the host's links. Only asked when the network is made; absent, it needs nothing.
   */
  checkHost?(network: NetworkIntent, links: ReadonlySet<string>): void;

  /** How ports of the network's endpoints are published; asked before ports are resolved into `EndpointIntent.ports`. */
  publishing(network: NetworkIntent): Publishing;

  /**
   * Only of a driver that reaches other hosts by VXLAN, each subnet with an id of its own: the ids that the user chose, for the
   * network's pools in order; undefined where the cluster is to draw one. Throws as `validate` does.
   */
  vxlanIds?(network: NetworkIntent): readonly (number | undefined)[];

  /**
   * Only of a driver that is somebody else's program: what it is told and asked besides. Such a driver's functions work from what
   * its answers put into the intents.
   */
  readonly procedures?: DriverProcedures;
}

export interface Publishing {
  /**
   * By family. `translated`: a port of the host leads to the container; `direct`: the container's own address is reached
   * and no port of the host is taken (routed mode); `none`: nothing is published.
   */
  readonly modes: Readonly<Record<Family, "translated" | "direct" | "none">>;
  /** Where a port is published that names no address of the host; absent: at every one. */
  readonly defaultHostAddress?: IpAddress;
}

export const NO_PUBLISHING: Publishing = { modes: { 4: "none", 6: "none" } };

export interface DriverCapabilities {
  /** "global": its networks and their addresses are shared by all hosts of the cluster. */
  readonly scope: "local" | "global";
  /** Endpoints get addresses from IPAM; host and null have none. */
  readonly addresses: boolean;
  /** Only one network of this driver may exist (host, null). */
  readonly singleton: boolean;
  /** Containers on it live in the daemon's own namespace (host). */
  readonly hostNamespace: boolean;
  /** Its packets go by a wire that the host has, and never through the host's routing (macvlan, ipvlan). */
  readonly bypassesRouting?: boolean;
  /** Endpoints have the MAC of a link of the host: none is drawn for them, and none can be asked for (ipvlan). */
  readonly sharesMac?: boolean;
}

export interface DesiredState {
  readonly facts: readonly KernelFact[];
  readonly policies: readonly Policy[];
}

/** Where an endpoint is attached. */
export interface Place {
  readonly namespace: NamespaceRef;
  /** Final name of the interface in there. */
  readonly interfaceName: string;
}

export interface JoinInfo {
  /** Interfaces are named with this and the lowest free number. */
  readonly interfacePrefix: string;
  /** Candidates for the sandbox's default routes; absent where the network offers none (internal). */
  readonly gateways: readonly IpAddress[];
  readonly routes: readonly { readonly destination: Prefix; readonly gateway?: IpAddress }[];
  /** Families for which the network offers the interface itself as the way out, without a gateway (ipvlan in mode l3). */
  readonly deviceRoutes?: readonly Family[];
  /** Whether a container that no network gives a way out gets one through `docker_gwbridge` because it is on this one. */
  readonly wantsGatewayNetwork?: boolean;
}

export const NOTHING: DesiredState = { facts: [], policies: [] };
