/**
 * Neighbours and forwarding entries (RTM_NEWNEIGH, RTM_DELNEIGH; `struct ndmsg`, linux/neighbour.h): one message for ARP,
 * for ND and, with family AF_BRIDGE and NTF_SELF, for the forwarding table of a VXLAN.
 *
 *     0        1     4       8       10      11     12
 *     | family | pad | index | state | flags | type | attributes ...
 */
import { addressBytes, addressFromBytes, type IpAddress } from "../../addr/ip-address.ts";
import { macBytes, macFromBytes, type MacAddress } from "../../addr/mac-address.ts";
import { ByteReader } from "../../wire/byte-reader.ts";
import { ByteWriter } from "../../wire/byte-writer.ts";
import { Attributes, bytesAttribute, writeAttributes, type Attribute } from "../netlink/attribute.ts";
import { NDA, NTF, NUD } from "../uapi/rtnetlink.ts";
import { AF } from "../uapi/system.ts";
import { addressFamily } from "./address.ts";

export interface NeighbourMessage {
  /** An ARP or ND entry, or an entry of a VXLAN's forwarding table. */
  readonly table: "neighbour" | "forwarding";
  readonly index: number;
  readonly address: IpAddress;
  readonly mac: MacAddress;
  readonly permanent: boolean;
}

interface NeighbourHead {
  readonly family: number;
  readonly index: number;
  readonly state: number;
  readonly flags: number;
}

/** The payload of a permanent ARP or ND entry; without `mac` it only names the entry. */
export function encodeNeighbour(index: number, address: IpAddress, mac?: MacAddress): Uint8Array {
  const head = { family: addressFamily(address), index, state: NUD.PERMANENT, flags: 0 };
  return encode(head, [
    bytesAttribute(NDA.DST, addressBytes(address)),
    ...(mac === undefined ? [] : [bytesAttribute(NDA.LLADDR, macBytes(mac))]),
  ]);
}

/** The payload of a permanent entry in a VXLAN's own forwarding table. */
export function encodeForwarding(index: number, mac: MacAddress, destination: IpAddress): Uint8Array {
  const head = { family: AF.BRIDGE, index, state: NUD.NOARP | NUD.PERMANENT, flags: NTF.SELF };
  return encode(head, [bytesAttribute(NDA.LLADDR, macBytes(mac)), bytesAttribute(NDA.DST, addressBytes(destination))]);
}

/** The payload of a dump request: every table of the family, or of all IP families with AF_UNSPEC. */
export function encodeNeighbourDump(family: number): Uint8Array {
  return encode({ family, index: 0, state: 0, flags: 0 }, []);
}

function encode(head: NeighbourHead, attributes: readonly Attribute[]): Uint8Array {
  const writer = new ByteWriter().u8(head.family).align(4).u32(head.index).u16(head.state).u8(head.flags).u8(0);
  return writeAttributes(writer, attributes).finish();
}

/** Reads the payload of an RTM_NEWNEIGH; undefined for entries without a MAC or address and for a bridge's own table. */
export function decodeNeighbour(payload: Uint8Array): NeighbourMessage | undefined {
  const reader = new ByteReader(payload);
  const family = reader.u8();
  reader.skip(3);
  const index = reader.u32();
  const state = reader.u16();
  const flags = reader.u8();
  reader.skip(1);
  const attributes = Attributes.decode(reader.take(reader.remaining));
  const address = addressFromBytes(attributes.bytes(NDA.DST) ?? new Uint8Array());
  const mac = macFromBytes(attributes.bytes(NDA.LLADDR) ?? new Uint8Array());
  const table = tableOf(family, flags, state);
  if (address === undefined || mac === undefined || table === undefined) return undefined;
  return { table, index, address, mac, permanent: (state & NUD.PERMANENT) !== 0 };
}

/** NUD_NOARP alone is what the kernel makes up for multicast and loopback. */
function tableOf(family: number, flags: number, state: number): NeighbourMessage["table"] | undefined {
  if (family === AF.BRIDGE) return (flags & NTF.SELF) === 0 ? undefined : "forwarding";
  const isIp = family === AF.INET || family === AF.INET6;
  return isIp && (state & (NUD.NOARP | NUD.FAILED)) === 0 ? "neighbour" : undefined;
}
