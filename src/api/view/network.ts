/** A network in Docker's shape (API v1.51, `network.Inspect`); the order of fields is what `docker network inspect` prints. */
import { formatTimeNs } from "../../base/clock.ts";
import { formatAddress, type Family } from "../../addr/ip-address.ts";
import { formatMac } from "../../addr/mac-address.ts";
import { formatPrefix } from "../../addr/prefix.ts";
import type { NetworkController } from "../../controller/cnm.ts";
import type { EndpointIntent, NetworkIntent, PoolIntent } from "../../drivers/intent.ts";

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

/** As `GET /networks/{id}` shows it; with `verbose` the services that swarm would list: none. */
export function networkInspect(network: NetworkIntent, networks: NetworkController, verbose: boolean) {
  const view = { ...networkSummary(network), Containers: containersOf(network, networks) };
  return verbose ? { ...view, Services: {} } : view;
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

/** Endpoints by the id of the container that they are in, `ep-<id>` for those in none. */
function containersOf(network: NetworkIntent, networks: NetworkController): Record<string, EndpointResource> {
  const resources = networks.endpoints(network.id).map((endpoint): [string, EndpointResource] => {
    const sandbox = endpoint.attachment === undefined ? undefined : networks.findSandbox(endpoint.attachment.sandboxId);
    return [sandbox?.containerId ?? `ep-${endpoint.id}`, endpointResource(endpoint)];
  });
  return Object.fromEntries(resources.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function endpointResource(endpoint: EndpointIntent): EndpointResource {
  return {
    Name: endpoint.name,
    EndpointID: endpoint.id,
    MacAddress: endpoint.mac === undefined ? "" : formatMac(endpoint.mac),
    IPv4Address: addressText(endpoint, 4),
    IPv6Address: addressText(endpoint, 6),
  };
}

function addressText(endpoint: EndpointIntent, family: Family): string {
  const prefix = endpoint.addresses.find((candidate) => candidate.address.family === family);
  return prefix === undefined ? "" : formatPrefix(prefix);
}
