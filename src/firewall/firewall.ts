/**
 * The firewall as data. Policies say what a network or a sandbox needs of packet filtering and NAT, in the model's words; a
 * backend turns them into the rules of iptables or nftables, and applies a difference in one transaction per family.
 *
 * What a backend promises: a change is applied whole or not at all; rules and chains that are not ours are never touched,
 * nor is their order relative to each other; users' rules in DOCKER-USER and in DOCKER survive everything.
 */
import { formatAddress, type Family, type IpAddress } from "../addr/ip-address.ts";
import type { PortRange } from "../addr/port-range.ts";
import type { Prefix } from "../addr/prefix.ts";
import type { NamespaceRef } from "../kernel/facts.ts";

export type Policy = BridgePolicy | EndpointGuard | PublishedPorts | LinkedPort | DnsRedirect;

export type TransportProtocol = "tcp" | "udp" | "sctp";

/**
 * How a network's containers meet the world outside:
 * - `nat`: disguised outwards; from outside only published ports, through an address of the host;
 * - `nat-unprotected`: as `nat`, but whoever routes to the containers' addresses reaches every port;
 * - `routed`: never translated; ping and published ports are reached at the containers' own addresses;
 * - `isolated`: internal, and the host itself has no address there.
 */
export type GatewayMode = "nat" | "nat-unprotected" | "routed" | "isolated";

/**
 * What one bridge network needs, per address family. Key: bridge and family. In the nat modes the bridge may route 127.0.0.0/8
 * (route_localnet), for the host's own use of published ports: what containers send there is dropped before anything else.
 */
export interface BridgePolicy {
  readonly kind: "bridge";
  readonly family: Family;
  /** Link name of the bridge. */
  readonly bridge: string;
  readonly subnet: Prefix;
  /** Containers reach each other (enable_icc). */
  readonly icc: boolean;
  /** No traffic enters or leaves the bridge's subnet. */
  readonly internal: boolean;
  /** How outgoing packets are disguised. */
  readonly masquerade: "none" | "masquerade" | { readonly snat: IpAddress };
  /** `isolated` only with `internal`. */
  readonly gateway: GatewayMode;
}

/** A container's address that nothing outside its network may address directly, published or not. Key: bridge, address. */
export interface EndpointGuard {
  readonly kind: "endpoint-guard";
  readonly family: Family;
  readonly bridge: string;
  readonly address: IpAddress;
  /** Links of the host from which the address may be reached after all. */
  readonly trustedInterfaces: readonly string[];
}

/**
 * Ports of the host that lead to a container, from outside, from the host itself, from other containers and from the
 * container itself. Key: family, protocol, host address, first host port. A port that `translate` leaves alone is only let in.
 */
export interface PublishedPorts {
  readonly kind: "published-ports";
  readonly family: Family;
  readonly bridge: string;
  readonly protocol: TransportProtocol;
  /** Unspecified: every address that the host has. A loopback address is reached from the host alone. */
  readonly hostAddress: IpAddress;
  readonly hostPorts: PortRange;
  readonly containerAddress: IpAddress;
  /** As many as `hostPorts`, port by port. */
  readonly containerPorts: PortRange;
  /** False in routed mode: the ports are opened at the container's own address, and the host's are not involved. */
  readonly translate: boolean;
}

/** Where containers do not reach each other: `parent` may open connections to this port of `child`. Key: all but bridge. */
export interface LinkedPort {
  readonly kind: "linked-port";
  readonly family: Family;
  readonly bridge: string;
  readonly parent: IpAddress;
  readonly child: IpAddress;
  readonly protocol: TransportProtocol;
  readonly port: number;
}

/** Inside a sandbox: port 53 of the resolver's address leads to the ports that really serve it. Key: namespace. */
export interface DnsRedirect {
  readonly kind: "dns-redirect";
  readonly namespace: NamespaceRef;
  /** 127.0.0.11. */
  readonly address: IpAddress;
  readonly udpPort: number;
  readonly tcpPort: number;
}

/** Equal keys: one place in the ruleset, so two policies with one key are a change of one thing. */
export function policyKey(policy: Policy): string {
  switch (policy.kind) {
    case "bridge":
      return `bridge ${policy.bridge} ${policy.family}`;
    case "endpoint-guard":
      return `endpoint-guard ${policy.bridge} ${formatAddress(policy.address)}`;
    case "published-ports": {
      const { protocol, hostAddress, hostPorts, containerAddress, containerPorts, translate } = policy;
      const place = translate
        ? `${formatAddress(hostAddress)} ${hostPorts.first}`
        : `routed ${formatAddress(containerAddress)} ${containerPorts.first}`;
      return `published-ports ${policy.family} ${protocol} ${place}`;
    }
    case "linked-port": {
      const { protocol, parent, child, port } = policy;
      return `linked-port ${formatAddress(parent)} ${formatAddress(child)} ${protocol} ${port}`;
    }
    case "dns-redirect":
      return `dns-redirect ${policy.namespace}`;
  }
}

export interface Firewall extends AsyncDisposable {
  /** "iptables" or "nftables", for `docker info`. */
  readonly backend: string;

  /**
   * Start-up and repair: makes the ruleset be exactly that of `policies` (plus the frame: DOCKER-USER, the jumps), as a
   * difference to what the kernel has, never a flush. Returns how many rules had to be added and removed.
   */
  reconcile(policies: readonly Policy[]): Promise<{ readonly added: number; readonly removed: number }>;

  /**
   * What was reconciled and applied last holds again in the host's namespace, whatever somebody else did to it since. Returns
   * how many rules had to be added and removed; what is not ours stays as it is.
   */
  repair(): Promise<{ readonly added: number; readonly removed: number }>;

  /**
   * One change: `remove` no longer holds, `add` holds from now on; one transaction per namespace and family. Adding what is
   * there and removing what is gone succeed.
   */
  apply(change: PolicyChange): Promise<void>;
}

export interface PolicyChange {
  readonly add: readonly Policy[];
  readonly remove: readonly Policy[];
}
