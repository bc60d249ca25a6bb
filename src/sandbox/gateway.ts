/**
 * Which of a sandbox's endpoints provides its default routes. The order is Docker's `Endpoint.Less` (moby
 * `libnetwork/endpoint.go`): last of all the gateway network; higher gateway priority, then networks that are not internal, then those that offer gateways of
 * more families, then the network's name. IPv4 and IPv6 are chosen separately, each from the first endpoint that offers one.
 *
 * The same order serves DNS: the first network that knows a name wins.
 */
import type { Family, IpAddress } from "../addr/ip-address.ts";

/** What the choice looks at. */
export interface GatewayCandidate {
  readonly networkName: string;
  readonly internal: boolean;
  /** Higher wins; 0 unless the user said otherwise. */
  readonly gatewayPriority: number;
  /** At most one per family (`JoinInfo.gateways`). */
  readonly gateways: readonly IpAddress[];
  /** Families for which the interface itself is the way out (`JoinInfo.deviceRoutes`). */
  readonly deviceRoutes?: readonly Family[];
  /** Made only because no other offers a gateway: it comes after all others, its interface too. */
  readonly lastResort?: boolean;
}

/** The endpoints in order of preference; the input is left alone. */
export function sortEndpoints<E extends GatewayCandidate>(endpoints: readonly E[]): readonly E[] {
  return endpoints.toSorted(compareEndpoints);
}

/** Negative when `a` is preferred to `b`; for `Array.sort`. */
export function compareEndpoints(a: GatewayCandidate, b: GatewayCandidate): number {
  return (
    Number(a.lastResort ?? false) - Number(b.lastResort ?? false) ||
    b.gatewayPriority - a.gatewayPriority ||
    Number(a.internal) - Number(b.internal) ||
    gatewayFamilies(b) - gatewayFamilies(a) ||
    (a.networkName < b.networkName ? -1 : a.networkName > b.networkName ? 1 : 0)
  );
}

function gatewayFamilies({ gateways, deviceRoutes = [] }: GatewayCandidate): number {
  return new Set([...gateways.map((gateway) => gateway.family), ...deviceRoutes]).size;
}

export interface ChosenGateway<E> {
  readonly endpoint: E;
  readonly family: Family;
  /** Absent: the interface itself. */
  readonly gateway?: IpAddress;
}

/** The default gateways, at most one per family, IPv4 first. */
export function chooseGateways<E extends GatewayCandidate>(endpoints: readonly E[]): readonly ChosenGateway<E>[] {
  const offers = sortEndpoints(endpoints).flatMap((endpoint): ChosenGateway<E>[] => [
    ...endpoint.gateways.map((gateway) => ({ endpoint, family: gateway.family, gateway })),
    ...(endpoint.deviceRoutes ?? []).map((family) => ({ endpoint, family })),
  ]);
  return ([4, 6] as const).flatMap((family) => offers.find((offer) => offer.family === family) ?? []);
}
