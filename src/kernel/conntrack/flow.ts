/**
 * Tracked flows (linux/netfilter/nfnetlink_conntrack.h) as values, to and from the bytes of ctnetlink. A flow has two tuples:
 * how its first packet went before any translation, and how an answer to it goes.
 *
 *     | family | 0 | 0 0 |  CTA_TUPLE_ORIG [ CTA_TUPLE_IP [src dst]  CTA_TUPLE_PROTO [num src dst] ]  CTA_TUPLE_REPLY [...]  CTA_ID
 */
import { addressBytes, addressFromBytes, sameAddress, type Family, type IpAddress } from "../../addr/ip-address.ts";
import type { PortRange } from "../../addr/port-range.ts";
import { ByteReader } from "../../wire/byte-reader.ts";
import { ByteWriter } from "../../wire/byte-writer.ts";
import {
  Attributes,
  bytesAttribute,
  nestAttribute,
  u32Attribute,
  u8Attribute,
  writeAttributes,
  type Attribute,
} from "../netlink/attribute.ts";
import {
  CTA,
  CTA_FILTER,
  CTA_FILTER_F,
  CTA_IP,
  CTA_PROTO,
  CTA_TUPLE,
  NFNL_SUBSYS_CTNETLINK,
  PROTOCOL,
} from "../uapi/conntrack.ts";
import { NLA_F } from "../uapi/netlink.ts";
import { AF } from "../uapi/system.ts";

/** Which flows are meant. All that is given must hold. */
export interface FlowPattern {
  readonly family: Family;
  readonly protocol: keyof typeof PROTOCOL;
  /** Where the first packet was sent to, before translation; absent: anywhere. */
  readonly destination?: IpAddress;
  readonly destinationPorts: PortRange;
  /** Who answers: the container that it was translated to, or the destination itself where nothing was translated. */
  readonly answeredBy: IpAddress;
}

export interface Flow {
  readonly family: Family;
  readonly protocol: number;
  readonly destination: IpAddress;
  readonly destinationPort: number;
  readonly answeredBy: IpAddress;
  /** The attributes by which the kernel finds the flow again, as it gave them. */
  readonly identity: readonly Attribute[];
}

export function messageType(message: number): number {
  return (NFNL_SUBSYS_CTNETLINK << 8) | message;
}

/** The payload of a request: `struct nfgenmsg` and attributes. */
export function encodePayload(family: Family, attributes: readonly Attribute[]): Uint8Array {
  const writer = new ByteWriter()
    .u8(family === 4 ? AF.INET : AF.INET6)
    .u8(0)
    .u16be(0);
  return writeAttributes(writer, attributes).finish();
}

/**
 * What a dump is to be narrowed to, where the kernel can: flows of the protocol, and of IPv4 those that this address answers.
 * Not of IPv6: kernels to date compare those addresses the wrong way round and leave out just what was asked for.
 */
export function encodeFilter({ family, protocol, answeredBy }: FlowPattern): readonly Attribute[] {
  const number = nest(CTA_TUPLE.PROTO, [u8Attribute(CTA_PROTO.NUM, PROTOCOL[protocol])]);
  const source = nest(CTA_TUPLE.IP, [bytesAttribute(CTA_IP.V4_SRC, addressBytes(answeredBy))]);
  return [
    nest(CTA.TUPLE_ORIG, [number]),
    ...(family === 4 ? [nest(CTA.TUPLE_REPLY, [source])] : []),
    nest(CTA.FILTER, [
      u32Attribute(CTA_FILTER.ORIG_FLAGS, CTA_FILTER_F.PROTO_NUM),
      ...(family === 4 ? [u32Attribute(CTA_FILTER.REPLY_FLAGS, CTA_FILTER_F.IP_SRC)] : []),
    ]),
  ];
}

/** With the flag that the kernel's stricter parsers demand. */
function nest(type: number, children: readonly Attribute[]): Attribute {
  return nestAttribute(type | NLA_F.NESTED, children);
}

/** Undefined for a flow without ports or addresses that we know. Throws WireError. */
export function decodeFlow(payload: Uint8Array): Flow | undefined {
  const reader = new ByteReader(payload);
  const familyNumber = reader.u8();
  reader.skip(3);
  const attributes = Attributes.decode(reader.take(reader.remaining));
  const family: Family = familyNumber === AF.INET6 ? 6 : 4;
  const original = decodeTuple(attributes.nested(CTA.TUPLE_ORIG), family);
  const reply = decodeTuple(attributes.nested(CTA.TUPLE_REPLY), family);
  if (original === undefined || reply === undefined) return undefined;
  const identity = [CTA.TUPLE_ORIG, CTA.ZONE, CTA.ID].flatMap((type) => {
    const value = attributes.bytes(type);
    return value === undefined ? [] : [bytesAttribute(type, value)];
  });
  const { protocol, destination, destinationPort } = original;
  return { family, protocol, destination, destinationPort, answeredBy: reply.source, identity };
}

function decodeTuple(tuple: Attributes | undefined, family: Family) {
  const ip = tuple?.nested(CTA_TUPLE.IP);
  const transport = tuple?.nested(CTA_TUPLE.PROTO);
  const address = (type: number): IpAddress | undefined => addressFromBytes(ip?.bytes(type) ?? new Uint8Array());
  const source = address(family === 4 ? CTA_IP.V4_SRC : CTA_IP.V6_SRC);
  const destination = address(family === 4 ? CTA_IP.V4_DST : CTA_IP.V6_DST);
  const protocol = transport?.u8(CTA_PROTO.NUM);
  const destinationPort = transport?.u16be(CTA_PROTO.DST_PORT);
  if (source === undefined || destination === undefined) return undefined;
  if (protocol === undefined || destinationPort === undefined) return undefined;
  return { source, destination, protocol, destinationPort };
}

export function matchesFlow(pattern: FlowPattern, flow: Flow): boolean {
  const { first, last } = pattern.destinationPorts;
  return (
    flow.family === pattern.family &&
    flow.protocol === PROTOCOL[pattern.protocol] &&
    flow.destinationPort >= first &&
    flow.destinationPort <= last &&
    sameAddress(flow.answeredBy, pattern.answeredBy) &&
    (pattern.destination === undefined || sameAddress(flow.destination, pattern.destination))
  );
}
