/** A network in Docker's shape (API v1.51, `network.Inspect`); the order of fields is what `docker network inspect` prints. */
import { formatTimeNs } from "../../base/clock.ts";
import { formatAddress, type Family } from "../../addr/ip-address.ts";
import { formatMac } from "../../addr/mac-address.ts";
import { formatPrefix } from "../../addr/prefix.ts";
import type { NetworkController } from "../../controller/cnm.ts";
import type { EndpointIntent, NetworkIntent, PeerIntent, PoolIntent } from "../../drivers/intent.ts";
import type { ClusterPresence } from "../api-context.ts";

/** As `GET /networks` lists it: without its containers. */
export function networkSummary(network: NetworkIntent) {
  return {
    Name: network.name,
    Id: network.id,
    Created: formatTimeNs(network.createdNs),
    Scope: network.scope,
    Driver: network.driver,
    EnableIPv4: network.enableIPv4,
    EnableIPv6: network.enableIPv6,
    IPAM: {
      Driver: network.ipamDriver,
      Options: network.ipamOptions ?? null,
      Config: network.pools.length === 0 ? null : network.pools.map(poolView),
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: network.ingress,
    ConfigFrom: { Network: network.configFrom ?? "" },
    ConfigOnly: network.configOnly,
    Containers: {} as Record<string, EndpointResource>,
    Options: network.options,
    Labels: network.labels,
  };
}

interface InspectSource {
  readonly networks: NetworkController;
  readonly cluster: ClusterPresence | undefined;
  readonly verbose: boolean;
}

/**
 * As `GET /networks/{id}` shows it: with the hosts that have endpoints on it where hosts share it, and, when `verbose`, with the
 * services that swarm would list: none.
 */
export function networkInspect(network: NetworkIntent, { networks, cluster, verbose }: InspectSource) {
  const local = networks.endpoints(network.id);
  const peers = networks.peers(network.id);
  const hosts = hostsOn({ local, peers, cluster: network.scope === "global" ? cluster : undefined });
  return {
    ...networkSummary(network),
    Containers: containersOf(networks, local, peers),
    ...(hosts.length === 0 ? {} : { Peers: hosts }),
    ...(verbose ? { Services: {} } : {}),
  };
}

interface PeerInfo {
  readonly Name: string;
  readonly IP: string;
}

interface Members {
  readonly local: readonly EndpointIntent[];
  readonly peers: readonly PeerIntent[];
  readonly cluster: ClusterPresence | undefined;
}

/** By name, ourselves among them. */
function hostsOn({ local, peers, cluster }: Members): readonly PeerInfo[] {
  const hosts = new Map(peers.map(({ hostName, hostAddress }) => [hostName, formatAddress(hostAddress)]));
  if (cluster !== undefined && local.length > 0) hosts.set(cluster.hostName, formatAddress(cluster.address));
  return [...hosts].map(([Name, IP]) => ({ Name, IP })).sort((a, b) => (a.Name < b.Name ? -1 : 1));
}

function poolView(pool: PoolIntent) {
  const auxiliary = Object.entries(pool.auxiliary).map(([name, address]): [string, string] => [
    name,
    formatAddress(address),
  ]);
  return {
    Subnet: pool.subnet === undefined ? "" : formatPrefix(pool.subnet),
    ...(pool.range === undefined ? {} : { IPRange: formatPrefix(pool.range) }),
    ...(pool.gateway === undefined ? {} : { Gateway: formatAddress(pool.gateway) }),
    ...(auxiliary.length === 0 ? {} : { AuxiliaryAddresses: Object.fromEntries(auxiliary) }),
  };
}

export interface EndpointResource {
  readonly Name: string;
  readonly EndpointID: string;
  readonly MacAddress: string;
  readonly IPv4Address: string;
  readonly IPv6Address: string;
}

/** Endpoints by the id of the container that they are in, `ep-<id>` for those in none and for those of other hosts. */
function containersOf(
  networks: NetworkController,
  local: readonly EndpointIntent[],
  peers: readonly PeerIntent[],
): Record<string, EndpointResource> {
  const own = local.map((endpoint): [string, EndpointResource] => {
    const sandbox = endpoint.attachment === undefined ? undefined : networks.findSandbox(endpoint.attachment.sandboxId);
    return [sandbox?.containerId ?? `ep-${endpoint.id}`, endpointResource(endpoint)];
  });
  const others = peers.map((peer): [string, EndpointResource] => [`ep-${peer.id}`, endpointResource(peer)]);
  return Object.fromEntries([...own, ...others].sort(([a], [b]) => (a < b ? -1 : 1)));
}

type ShownEndpoint = Pick<EndpointIntent, "id" | "name" | "mac" | "addresses">;

function endpointResource(endpoint: ShownEndpoint): EndpointResource {
  return {
    Name: endpoint.name,
    EndpointID: endpoint.id,
    MacAddress: endpoint.mac === undefined ? "" : formatMac(endpoint.mac),
    IPv4Address: addressText(endpoint, 4),
    IPv6Address: addressText(endpoint, 6),
  };
}

function addressText(endpoint: ShownEndpoint, family: Family): string {
  const prefix = endpoint.addresses.find((candidate) => candidate.address.family === family);
  return prefix === undefined ? "" : formatPrefix(prefix);
}
