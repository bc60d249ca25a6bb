/**
 * Where a sandbox's ports are published: pure, from what was asked for and its endpoints in gateway order. As in Docker, each
 * family's ports lead to the endpoint that provides that family's default route; endpoints in routed mode are opened
 * wherever they stand; internal networks publish nothing. A host address of IPv6 leads to an IPv4-only container by the proxy.
 */
import {
  formatAddress,
  isLoopback,
  isUnspecified,
  sameAddress,
  type Family,
  type IpAddress,
} from "../addr/ip-address.ts";
import { formatPorts } from "../addr/port-range.ts";
import type { Publishing } from "../drivers/driver.ts";
import type { PortMapping } from "../ports/merge-ports.ts";
import type { HostPlace, PortWish } from "../ports/ports.ts";
import type { PortRequest } from "./cnm.ts";
import type { Join } from "./desired.ts";

/** What the host and its firewall can do. */
export interface Reach {
  /** Families whose ports the firewall translates; the others are the proxy's. */
  readonly translated: readonly Family[];
  /** `--userland-proxy`. */
  readonly proxy: boolean;
  /** Whether the host has IPv6 addresses. */
  readonly ipv6: boolean;
}

/** A request with every place found for it. */
export interface PortBinding {
  readonly request: PortRequest;
  /** Which of the sandbox's requests it is. */
  readonly index: number;
  /** Absent when no port of the host is involved. */
  readonly wish?: PortWish;
  /** Host addresses of the wish, and direct openings, by endpoint; a translated one lacks only the number. */
  readonly placements: readonly Placement[];
}

export interface Placement {
  readonly endpointId: string;
  readonly mode: "translated" | "direct";
  readonly hostAddress: IpAddress;
}

interface Publisher {
  readonly join: Join;
  readonly family: Family;
  readonly publishing: Publishing;
}

type PublishingOf = (join: Join) => Publishing;

/** `joins` in gateway order. Requests for which there is no place are left out. */
export function portBindings(
  requests: readonly PortRequest[],
  joins: readonly Join[],
  publishingOf: PublishingOf,
  reach: Reach,
): readonly PortBinding[] {
  const publishers = findPublishers(joins, publishingOf);
  return requests.flatMap((request, index) => {
    const binding = bind(request, publishers, reach);
    return binding.placements.length === 0 ? [] : [{ ...binding, request, index }];
  });
}

/** Of each family: the first endpoint with a gateway, where it translates, and every endpoint that is reached directly. */
function findPublishers(joins: readonly Join[], publishingOf: PublishingOf): readonly Publisher[] {
  return ([4, 6] as const).flatMap((family) => {
    const offers = joins.filter(({ gateways }) => gateways.some((gateway) => gateway.family === family));
    return offers
      .map((join): Publisher => ({ join, family, publishing: publishingOf(join) }))
      .filter(({ publishing }, place) => {
        const mode = publishing.modes[family];
        return mode === "direct" || (mode === "translated" && place === 0);
      });
  });
}

type Places = readonly { readonly placement: Placement; readonly place?: HostPlace }[];

function bind(
  request: PortRequest,
  publishers: readonly Publisher[],
  reach: Reach,
): Pick<PortBinding, "wish" | "placements"> {
  const own = publishers.flatMap((publisher) => placesOf(request, publisher, reach));
  const found = [...own, ...proxiedPlaces(request, publishers, reach)];
  const places = found.flatMap(({ place }) => place ?? []);
  const placements = found.map(({ placement }) => placement);
  if (places.length === 0) return { placements };
  const { protocol, hostPorts } = request;
  const target = targetText(request, publishers);
  return { placements, wish: { protocol, places, target, ...(hostPorts === undefined ? {} : { hostPorts }) } };
}

function placesOf(request: PortRequest, publisher: Publisher, reach: Reach): Places {
  const { join, family, publishing } = publisher;
  const hostAddress = hostAddressOf(request, family, publishing.defaultHostAddress);
  const container = addressOf(join, family);
  if (hostAddress === undefined || container === undefined) return [];
  const endpointId = join.endpoint.id;
  if (publishing.modes[family] === "direct") return [{ placement: { endpointId, mode: "direct", hostAddress } }];
  if (isAnyByDefault(request, hostAddress) && family === 6 && !reach.ipv6) return [];
  // What the host sends to ::1 never leaves its loopback: rules cannot lead it anywhere.
  const beyondRules = family === 6 && (isUnspecified(hostAddress) || isLoopback(hostAddress));
  const isProxied = request.protocol !== "sctp" && reach.proxy && (beyondRules || !reach.translated.includes(family));
  const place = { address: hostAddress, ...(isProxied ? { proxy: proxyTo(container, request) } : {}) };
  return [{ placement: { endpointId, mode: "translated", hostAddress }, place }];
}

/** IPv6 addresses of the host for a container that has none itself. */
function proxiedPlaces(request: PortRequest, publishers: readonly Publisher[], reach: Reach): Places {
  if (!reach.proxy || request.protocol === "sctp" || publishers.some(({ family }) => family === 6)) return [];
  const publisher = publishers.find(({ family, publishing }) => family === 4 && publishing.modes[4] === "translated");
  const container = publisher && addressOf(publisher.join, 4);
  if (publisher === undefined || container === undefined) return [];
  const hostAddress = hostAddressOf(request, 6, publisher.publishing.defaultHostAddress);
  if (hostAddress === undefined || (isAnyByDefault(request, hostAddress) && !reach.ipv6)) return [];
  const placement = { endpointId: publisher.join.endpoint.id, mode: "translated" as const, hostAddress };
  return [{ placement, place: { address: hostAddress, proxy: proxyTo(container, request) } }];
}

function proxyTo(address: IpAddress, { containerPort }: PortRequest): NonNullable<HostPlace["proxy"]> {
  return { address, port: containerPort };
}

/** Nobody asked for IPv6: where the host has none, there is nothing to complain about. */
function isAnyByDefault(request: PortRequest, hostAddress: IpAddress): boolean {
  return request.hostAddress === undefined && isUnspecified(hostAddress);
}

/** What was asked for, else the network's default, else every address; undefined when that is of the other family. */
function hostAddressOf(request: PortRequest, family: Family, byDefault: IpAddress | undefined): IpAddress | undefined {
  const asked = request.hostAddress ?? byDefault;
  // 0.0.0.0 as a default is how Docker says "every address", of IPv6 too.
  if (asked === undefined || (request.hostAddress === undefined && isUnspecified(asked))) return { family, value: 0n };
  return asked.family === family ? asked : undefined;
}

function addressOf({ endpoint }: Join, family: Family): IpAddress | undefined {
  return endpoint.addresses.find(({ address }) => address.family === family)?.address;
}

/** `172.17.0.2:80` or `[fd00::2]:80`. */
function targetText({ containerPort }: PortRequest, publishers: readonly Publisher[]): string {
  const addresses = publishers.flatMap(({ join, family }) => addressOf(join, family) ?? []);
  const text = addresses.map((address) =>
    address.family === 4 ? formatAddress(address) : `[${formatAddress(address)}]`,
  );
  return `${text[0] ?? ""}:${formatPorts({ first: containerPort, last: containerPort })}`;
}

/** What one endpoint publishes, once the numbers are known. */
export function mappingsOf(
  bindings: readonly PortBinding[],
  endpointId: string,
  portOf: (binding: PortBinding) => number | undefined,
): readonly PortMapping[] {
  return bindings.flatMap((binding) => {
    const { protocol, containerPort } = binding.request;
    const containerPorts = { first: containerPort, last: containerPort };
    const port = portOf(binding);
    return binding.placements.flatMap(({ endpointId: owner, mode, hostAddress }): PortMapping[] => {
      if (owner !== endpointId) return [];
      if (mode === "direct") return [{ protocol, hostAddress, containerPorts }];
      return port === undefined
        ? []
        : [{ protocol, hostAddress, containerPorts, hostPorts: { first: port, last: port } }];
    });
  });
}

/** Whether a held wish serves the new one: the same places, led the same way. The number does not matter. */
export function sameWish(a: PortWish, b: PortWish): boolean {
  return (
    a.protocol === b.protocol &&
    a.places.length === b.places.length &&
    a.places.every((place, index) => samePlace(place, b.places[index]))
  );
}

function samePlace(a: HostPlace, b: HostPlace | undefined): boolean {
  if (b === undefined || !sameAddress(a.address, b.address)) return false;
  if (a.proxy === undefined || b.proxy === undefined) return a.proxy === b.proxy;
  return a.proxy.port === b.proxy.port && sameAddress(a.proxy.address, b.proxy.address);
}
