/**
 * Routes of the main table (RTM_NEWROUTE, RTM_DELROUTE; `struct rtmsg`, linux/rtnetlink.h).
 *
 *     0        1         2         3     4       5          6       7      8       12
 *     | family | dst len | src len | tos | table | protocol | scope | type | flags | attributes ...
 */
import { addressBytes, addressFromBytes, type IpAddress } from "../../addr/ip-address.ts";
import { networkOf, type Prefix } from "../../addr/prefix.ts";
import { ByteReader, WireError } from "../../wire/byte-reader.ts";
import { ByteWriter } from "../../wire/byte-writer.ts";
import { Attributes, bytesAttribute, u32Attribute, writeAttributes } from "../netlink/attribute.ts";
import { RTA, RTM_F, RTN, RTPROT, RT_SCOPE, RT_TABLE } from "../uapi/rtnetlink.ts";
import { AF } from "../uapi/system.ts";
import { addressFamily } from "./address.ts";

/** One way to a destination: a route of several next hops is several of these. */
export interface RouteMessage {
  readonly destination: Prefix;
  readonly gateway?: IpAddress;
  readonly index: number;
  readonly onLink: boolean;
}

/** Where a route leads, with the link by index. */
export interface RouteTarget {
  readonly destination: Prefix;
  readonly gateway?: IpAddress;
  readonly index: number;
}

/** The payload that adds or replaces a route, as `ip route replace` sends it. */
export function encodeNewRoute(target: RouteTarget): Uint8Array {
  const direct = target.gateway === undefined && target.destination.address.family === 4;
  return encodeRoute(target, {
    protocol: RTPROT.BOOT,
    scope: direct ? RT_SCOPE.LINK : RT_SCOPE.UNIVERSE,
    type: RTN.UNICAST,
  });
}

/** The payload that names a route, of whatever protocol and scope, to remove it. */
export function encodeOldRoute(target: RouteTarget): Uint8Array {
  return encodeRoute(target, { protocol: RTPROT.UNSPEC, scope: RT_SCOPE.NOWHERE, type: RTN.UNSPEC });
}

function encodeRoute(
  { destination, gateway, index }: RouteTarget,
  kind: { readonly protocol: number; readonly scope: number; readonly type: number },
): Uint8Array {
  const head = routeHead(addressFamily(destination.address), destination.length, kind);
  return writeAttributes(head, [
    ...(destination.length === 0 ? [] : [bytesAttribute(RTA.DST, addressBytes(networkOf(destination).address))]),
    ...(gateway === undefined ? [] : [bytesAttribute(RTA.GATEWAY, addressBytes(gateway))]),
    u32Attribute(RTA.OIF, index),
  ]).finish();
}

/** The payload of a dump request for the main table of one family. */
export function encodeRouteDump(family: number): Uint8Array {
  return routeHead(family, 0, { protocol: RTPROT.UNSPEC, scope: 0, type: RTN.UNSPEC }).finish();
}

function routeHead(
  family: number,
  length: number,
  kind: { readonly protocol: number; readonly scope: number; readonly type: number },
): ByteWriter {
  return new ByteWriter()
    .u8(family)
    .u8(length)
    .u8(0)
    .u8(0)
    .u8(RT_TABLE.MAIN)
    .u8(kind.protocol)
    .u8(kind.scope)
    .u8(kind.type)
    .u32(0);
}

/** Reads the payload of an RTM_NEWROUTE: empty for other tables, other families, and routes that lead to no link. */
export function decodeRoute(payload: Uint8Array): readonly RouteMessage[] {
  const reader = new ByteReader(payload);
  const family = reader.u8();
  const length = reader.u8();
  reader.skip(2);
  const shortTable = reader.u8();
  reader.skip(1);
  const scope = reader.u8();
  const type = reader.u8();
  const flags = reader.u32();
  const attributes = Attributes.decode(reader.take(reader.remaining));
  const table = attributes.u32(RTA.TABLE) ?? shortTable;
  if (table !== RT_TABLE.MAIN || type !== RTN.UNICAST || (flags & RTM_F.CLONED) !== 0) return [];
  const destination = decodeDestination(family, length, attributes.bytes(RTA.DST));
  if (destination === undefined) return [];
  return decodeNextHops(attributes).map((hop) => ({
    destination,
    ...hop,
    onLink: family === AF.INET ? scope === RT_SCOPE.LINK : hop.gateway === undefined,
  }));
}

function decodeDestination(family: number, length: number, bytes: Uint8Array | undefined): Prefix | undefined {
  const size = family === AF.INET ? 4 : family === AF.INET6 ? 16 : 0;
  const address = addressFromBytes(bytes ?? new Uint8Array(size));
  if (address === undefined || addressFamily(address) !== family || length > size * 8) return undefined;
  return { address, length };
}

type NextHop = Pick<RouteMessage, "gateway" | "index">;

function decodeNextHops(attributes: Attributes): readonly NextHop[] {
  const multipath = attributes.bytes(RTA.MULTIPATH);
  if (multipath !== undefined) return decodeMultipath(multipath);
  const index = attributes.u32(RTA.OIF);
  return index === undefined ? [] : [nextHop(index, attributes)];
}

/** A list of `struct rtnexthop`: length (2), flags (1), hops (1), index (4), attributes. */
function decodeMultipath(bytes: Uint8Array): readonly NextHop[] {
  const reader = new ByteReader(bytes);
  const hops: NextHop[] = [];
  while (reader.remaining >= 8) {
    const length = reader.u16();
    if (length < 8) throw new WireError(`next hop of ${length} bytes`, reader.offset);
    reader.skip(2);
    const index = reader.u32();
    hops.push(nextHop(index, Attributes.decode(reader.take(length - 8))));
    reader.skip(Math.min(-length & 3, reader.remaining));
  }
  return hops;
}

/** The gateway, also where it is of the other family (RTA_VIA: family in two bytes, then the address). */
function nextHop(index: number, attributes: Attributes): NextHop {
  const bytes = attributes.bytes(RTA.GATEWAY) ?? attributes.bytes(RTA.VIA)?.subarray(2);
  const gateway = bytes === undefined ? undefined : addressFromBytes(bytes);
  return gateway === undefined ? { index } : { index, gateway };
}
