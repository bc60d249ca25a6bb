/**
 * Who can really reach a published port: pure, from the address it is published at, the host's own addresses, and what the
 * host's firewall was told. Published ports are translated before a host firewall's rules for the host itself are asked, so a
 * port that the firewall denies is open all the same; that is worth a warning (reference: Docker's "packet filtering and
 * firewalls", section on ufw).
 */
import {
  formatAddress,
  isLoopback,
  isUnspecified,
  parseAddress,
  type Family,
  type IpAddress,
} from "../../addr/ip-address.ts";
import { formatPorts, type PortRange } from "../../addr/port-range.ts";
import { formatPrefix, networkOf, parsePrefix, prefixContains, type Prefix } from "../../addr/prefix.ts";
import type { PortProtocol } from "../ports.ts";
import type { HostFirewall } from "./host-firewall.ts";

/** A published range as it stands. */
export interface PublishedPlace {
  readonly protocol: PortProtocol;
  readonly hostAddress: IpAddress;
  /** Absent in routed mode: the container's own address is reached. */
  readonly hostPorts?: PortRange;
  readonly containerAddress: IpAddress;
  readonly containerPorts: PortRange;
}

export type Reach =
  /** Programs of this host alone. */
  | { readonly who: "loopback" }
  /** The networks that the host is on, or that are routed to it privately. */
  | { readonly who: "networks"; readonly networks: readonly Prefix[] }
  /** An address that is routed in the Internet. */
  | { readonly who: "anyone" };

export interface Exposure {
  readonly reach: Reach;
  /** How traffic comes to the container. */
  readonly by: "translation" | "proxy" | "routing";
  readonly warnings: readonly string[];
}

/** What is known of the host. */
export interface HostSituation {
  /** Of links that are not the engine's own, loopback left out. */
  readonly addresses: readonly Prefix[];
  readonly firewalls: readonly HostFirewall[];
  /** Rules of the user's that are asked before every published port (DOCKER-USER). */
  readonly userRules: number;
  /** Families that are translated. */
  readonly translated: readonly Family[];
}

export function exposureOf(place: PublishedPlace, host: HostSituation): Exposure {
  const by = mannerOf(place, host);
  const reach = reachOf(place, host);
  return { by, reach, warnings: reach.who === "loopback" ? [] : warningsOf(place, host, by) };
}

function mannerOf({ hostAddress, hostPorts, containerAddress }: PublishedPlace, host: HostSituation): Exposure["by"] {
  if (hostPorts === undefined) return "routing";
  const crosses = hostAddress.family !== containerAddress.family || !host.translated.includes(hostAddress.family);
  return crosses ? "proxy" : "translation";
}

function reachOf({ hostAddress, hostPorts, containerAddress }: PublishedPlace, { addresses }: HostSituation): Reach {
  const address = hostPorts === undefined ? containerAddress : hostAddress;
  if (isLoopback(address)) return { who: "loopback" };
  const own = addresses.filter((prefix) => prefix.address.family === address.family);
  const met = isUnspecified(address) ? own : own.filter((prefix) => prefixContains(networkOf(prefix), address));
  const reached = isUnspecified(address) ? own.map((prefix) => prefix.address) : [address];
  if (reached.some(isPublic)) return { who: "anyone" };
  if (isUnspecified(address) && own.length === 0) return { who: "loopback" };
  return { who: "networks", networks: uniquePrefixes(met.map(networkOf)) };
}

function uniquePrefixes(prefixes: readonly Prefix[]): readonly Prefix[] {
  return [...new Map(prefixes.map((prefix) => [formatPrefix(prefix), prefix])).values()];
}

/** RFC 1918, 6598 and 3927; RFC 4193 and 4291. Whatever else is not routed in the Internet is rare enough to be called public. */
const PRIVATE = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "169.254.0.0/16",
  "127.0.0.0/8",
  "fc00::/7",
  "fe80::/10",
  "::1/128",
].map(parsePrefix);

function isPublic(address: IpAddress): boolean {
  return !PRIVATE.some((prefix) => prefixContains(prefix, address));
}

function warningsOf(place: PublishedPlace, host: HostSituation, by: Exposure["by"]): readonly string[] {
  const ports = place.hostPorts ?? place.containerPorts;
  // The proxy's sockets are the host's own: its firewall is asked about them like about any other.
  const denied = by === "proxy" ? [] : host.firewalls.filter((firewall) => denies(firewall, place, ports));
  const warnings = denied.map(
    ({ name }) =>
      `${name} denies ${formatPorts(ports)}/${place.protocol} and is not asked: published ports pass before its rules; ` +
      `publish at 127.0.0.1 or add rules to DOCKER-USER`,
  );
  return host.userRules === 0 || by === "proxy"
    ? warnings
    : [...warnings, `${host.userRules} rules in DOCKER-USER are asked first and may narrow this`];
}

/** Any port of the range: one that is denied is one too many. */
function denies(firewall: HostFirewall, { hostAddress, protocol }: PublishedPlace, ports: PortRange): boolean {
  const { family } = hostAddress;
  for (let port = ports.first; port <= ports.last; port++) {
    if (firewall.verdict({ family, protocol, port }) === "deny") return true;
  }
  return false;
}

/** `anyone`, `this host alone`, `192.168.7.0/24, fd07::/64`. */
export function describeReach(reach: Reach): string {
  if (reach.who === "loopback") return "this host alone";
  if (reach.who === "anyone") return "anyone";
  return reach.networks.length === 0 ? "whoever has a route" : reach.networks.map(formatPrefix).join(", ");
}

/** The address that a client uses, for texts: `0.0.0.0:8080`, `[::]:8080`. */
export function placeText({ hostAddress, hostPorts, containerAddress, containerPorts }: PublishedPlace): string {
  const address = formatAddress(hostPorts === undefined ? containerAddress : hostAddress);
  const host = parseAddress(address).family === 6 ? `[${address}]` : address;
  return `${host}:${formatPorts(hostPorts ?? containerPorts)}`;
}
