/**
 * What an automatic choice of subnet must avoid: networks the host is part of (its on-link IPv4 routes) and its nameservers.
 * Pure, from an Observation. Routes through a gateway do not count, as Docker found since 23.0: a route for 10.0.0.0/8 says
 * nothing about which of its addresses are in use. IPv6 has no on-link routes in this sense.
 */
import { familyBits, type IpAddress } from "../addr/ip-address.ts";
import { comparePrefixes, networkOf, type Prefix } from "../addr/prefix.ts";
import type { Observation } from "../kernel/observation.ts";

/** Sorted, duplicates included; pass it as `PoolRequest.reserved`. A default route, though on-link, reserves nothing. */
export function reservedPrefixes(
  observation: Pick<Observation, "routes">,
  nameservers: readonly IpAddress[],
): readonly Prefix[] {
  const routes = observation.routes
    .filter(({ onLink, destination }) => onLink && destination.address.family === 4 && destination.length > 0)
    .map(({ destination }) => networkOf(destination));
  const hosts = nameservers.map((address) => ({ address, length: familyBits(address.family) }));
  return [...routes, ...hosts].sort(comparePrefixes);
}
