/**
 * Reads what a namespace has, one dump per table. The tables are read one after the other, so a link may come between two
 * of them: then all are read again, until every entry's link is known.
 */
import { constants } from "node:os";
import { listLinks } from "../apply/find-link.ts";
import type { NamespaceRef } from "../facts.ts";
import { KernelError } from "../kernel-error.ts";
import type { Message } from "../netlink/message.ts";
import { NetlinkSocket } from "../netlink/socket.ts";
import type { Observation, ObservedLink } from "../observation.ts";
import { decodeAddress, type AddressMessage } from "../route/address.ts";
import type { LinkMessage } from "../route/link.ts";
import { decodeNeighbour, encodeNeighbourDump, type NeighbourMessage } from "../route/neighbour.ts";
import { decodeRoute, encodeRouteDump, type RouteMessage } from "../route/route.ts";
import type { Namespaces } from "../system/namespace.ts";
import { readSysctl } from "../system/sysctl.ts";
import { RTM } from "../uapi/rtnetlink.ts";
import { AF } from "../uapi/system.ts";

interface Tables {
  readonly links: readonly LinkMessage[];
  readonly addresses: readonly AddressMessage[];
  readonly routes: readonly RouteMessage[];
  readonly neighbours: readonly NeighbourMessage[];
}

const ATTEMPTS = 8;

/** Throws KernelError, ENOENT when there is no such namespace. */
export function observe(namespaces: Namespaces, namespace: NamespaceRef, sysctls: readonly string[]): Observation {
  return namespaces.inside(namespace, () => {
    using socket = NetlinkSocket.open();
    const tables = readTables(socket);
    return { namespace, ...nameLinks(tables), sysctls: readSysctls(sysctls) };
  });
}

/** Tables that agree on their links; after many attempts, without the entries of links that are gone again. */
function readTables(socket: NetlinkSocket): Tables {
  let tables = readOnce(socket);
  for (let attempt = 1; attempt < ATTEMPTS && !agree(tables); attempt++) tables = readOnce(socket);
  return tables;
}

function readOnce(socket: NetlinkSocket): Tables {
  return {
    links: listLinks(socket),
    addresses: listAddresses(socket),
    routes: [...listRoutes(socket, AF.INET), ...listRoutes(socket, AF.INET6)],
    neighbours: [...listNeighbours(socket, AF.UNSPEC), ...listNeighbours(socket, AF.BRIDGE)],
  };
}

function agree({ links, addresses, routes, neighbours }: Tables): boolean {
  const known = new Set(links.map((link) => link.index));
  return [...addresses, ...routes, ...neighbours].every((entry) => known.has(entry.index));
}

/** Equivalent to: `ip addr show`. */
function listAddresses(socket: NetlinkSocket): readonly AddressMessage[] {
  const payload = new Uint8Array(8);
  return socket
    .dump({ type: RTM.GETADDR, flags: 0, payload }, "list addresses")
    .map((message) => decodeAddress(message.payload))
    .filter((address) => address !== undefined);
}

/** Equivalent to: `ip -4 route show` and `ip -6 route show`. */
function listRoutes(socket: NetlinkSocket, family: number): readonly RouteMessage[] {
  const request = { type: RTM.GETROUTE, flags: 0, payload: encodeRouteDump(family) };
  return dumpTable(socket, request, "list routes")
    .filter((message) => message.payload[0] === family)
    .flatMap((message) => decodeRoute(message.payload));
}

/** Equivalent to: `ip neigh show nud all` and `bridge fdb show`. */
function listNeighbours(socket: NetlinkSocket, family: number): readonly NeighbourMessage[] {
  const request = { type: RTM.GETNEIGH, flags: 0, payload: encodeNeighbourDump(family) };
  return dumpTable(socket, request, "list neighbours")
    .map((message) => decodeNeighbour(message.payload))
    .filter((neighbour) => neighbour !== undefined);
}

/** A table that is not there yet (ENOENT) or whose protocol is switched off is empty. */
function dumpTable(
  socket: NetlinkSocket,
  request: Parameters<NetlinkSocket["dump"]>[0],
  operation: string,
): readonly Message[] {
  const { ENOENT, EAFNOSUPPORT, EOPNOTSUPP } = constants.errno;
  try {
    return socket.dump(request, operation);
  } catch (cause) {
    if (cause instanceof KernelError && [ENOENT, EAFNOSUPPORT, EOPNOTSUPP].includes(cause.errno)) return [];
    throw cause;
  }
}

function readSysctls(keys: readonly string[]): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const key of keys) {
    const value = readSysctl(key);
    if (value !== undefined) values[key] = value;
  }
  return values;
}

type Named = Omit<Observation, "namespace" | "sysctls">;

/** From indexes to names. */
function nameLinks({ links, addresses, routes, neighbours }: Tables): Named {
  const names = new Map(links.map((link) => [link.index, link.name]));
  const named = <T extends { readonly index: number }>(entries: readonly T[]): readonly (T & { link: string })[] =>
    entries.flatMap((entry) => {
      const link = names.get(entry.index);
      return link === undefined ? [] : [{ ...entry, link }];
    });
  const neighbourEntries = named(neighbours);
  return {
    links: links.map((link) => observedLink(link, names)),
    addresses: named(addresses).map(({ link, address }) => ({ link, address })),
    routes: named(routes).map(({ link, destination, gateway, onLink }) => ({
      link,
      destination,
      onLink,
      ...(gateway === undefined ? {} : { gateway }),
    })),
    neighbours: neighbourEntries
      .filter(({ table }) => table === "neighbour")
      .map(({ link, address, mac, permanent }) => ({ link, address, mac, permanent })),
    forwarding: neighbourEntries
      .filter(({ table }) => table === "forwarding")
      .map(({ link, address, mac, permanent }) => ({ link, mac, destination: address, permanent })),
  };
}

function observedLink(link: LinkMessage, names: ReadonlyMap<number, string>): ObservedLink {
  const { index, name, kind, mtu, up, statistics, mac, alias, hairpin, vxlan } = link;
  const master = link.masterIndex === undefined ? undefined : names.get(link.masterIndex);
  return {
    index,
    name,
    type: kind,
    mtu,
    up,
    statistics,
    ...(mac === undefined ? {} : { mac }),
    ...(master === undefined ? {} : { master }),
    ...(hairpin === undefined ? {} : { hairpin }),
    ...(alias === undefined ? {} : { alias }),
    ...(vxlan === undefined ? {} : { vxlan }),
  };
}
