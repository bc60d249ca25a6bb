/**
 * Interface addresses (RTM_NEWADDR, RTM_DELADDR; `struct ifaddrmsg`, linux/if_addr.h).
 *
 *     0        1        2       3       4       8
 *     | family | length | flags | scope | index | attributes ...
 */
import { addressBytes, addressFromBytes, type IpAddress } from "../../addr/ip-address.ts";
import { lastAddress, type Prefix } from "../../addr/prefix.ts";
import { ByteReader } from "../../wire/byte-reader.ts";
import { ByteWriter } from "../../wire/byte-writer.ts";
import { Attributes, bytesAttribute, writeAttributes, type Attribute } from "../netlink/attribute.ts";
import { IFA, IFA_F } from "../uapi/rtnetlink.ts";
import { AF } from "../uapi/system.ts";

export interface AddressMessage {
  readonly index: number;
  readonly address: Prefix;
  /** IPv4: lives and dies with another address in the same subnet. */
  readonly secondary: boolean;
}

/**
 * The payload that adds `address` to the link with that index. IPv4 gets a broadcast address where the subnet has room for
 * one (RFC 3021: not /31 and /32), as Docker's does; IPv6 skips duplicate detection, so that it can be used at once.
 */
export function encodeNewAddress(index: number, address: Prefix): Uint8Array {
  const isIPv4 = address.address.family === 4;
  const broadcast = isIPv4 && address.length < 31 ? [lastAddress(address)] : [];
  return encodeAddress(index, address, {
    flags: isIPv4 ? 0 : IFA_F.NODAD,
    attributes: broadcast.map((last) => bytesAttribute(IFA.BROADCAST, addressBytes(last))),
  });
}

/** The payload that names `address` on the link with that index, to remove it. */
export function encodeOldAddress(index: number, address: Prefix): Uint8Array {
  return encodeAddress(index, address, { flags: 0, attributes: [] });
}

function encodeAddress(
  index: number,
  prefix: Prefix,
  extra: { readonly flags: number; readonly attributes: readonly Attribute[] },
): Uint8Array {
  const bytes = addressBytes(prefix.address);
  const head = new ByteWriter().u8(addressFamily(prefix.address)).u8(prefix.length).u8(extra.flags).u8(0).u32(index);
  return writeAttributes(head, [
    bytesAttribute(IFA.LOCAL, bytes),
    bytesAttribute(IFA.ADDRESS, bytes),
    ...extra.attributes,
  ]).finish();
}

/** Reads the payload of an RTM_NEWADDR; undefined for families that are not IP. Throws WireError. */
export function decodeAddress(payload: Uint8Array): AddressMessage | undefined {
  const reader = new ByteReader(payload);
  const family = reader.u8();
  const length = reader.u8();
  const shortFlags = reader.u8();
  reader.skip(1);
  const index = reader.u32();
  const attributes = Attributes.decode(reader.take(reader.remaining));
  const bytes = attributes.bytes(IFA.LOCAL) ?? attributes.bytes(IFA.ADDRESS);
  const address = bytes === undefined ? undefined : addressFromBytes(bytes);
  if (address === undefined || addressFamily(address) !== family || length > (bytes?.length ?? 0) * 8) return undefined;
  const flags = attributes.u32(IFA.FLAGS) ?? shortFlags;
  return { index, address: { address, length }, secondary: family === AF.INET && (flags & IFA_F.SECONDARY) !== 0 };
}

/** AF_INET or AF_INET6. */
export function addressFamily(address: IpAddress): number {
  return address.family === 4 ? AF.INET : AF.INET6;
}
