/**
 * The types of sets' keys and data. The kernel takes lengths alone; the type numbers, the byte order notes and the field
 * lengths are for nft, which prints elements by them (`datatype.h` and `udata.h` of nftables and libnftnl).
 *
 *     number of a concatenation: 6 bits for each type, the first in the highest bits
 */
import { ByteReader } from "../../wire/byte-reader.ts";
import { ByteWriter } from "../../wire/byte-writer.ts";
import type { NftSetType, NftType } from "./ruleset.ts";

interface TypeFacts {
  readonly number: number;
  /** Bytes without padding. */
  readonly length: number;
  /** nft's word for how to read it: 1 host order, 2 network order. */
  readonly byteOrder: 1 | 2;
}

const TYPES: Readonly<Record<NftType, TypeFacts>> = {
  ipv4_addr: { number: 7, length: 4, byteOrder: 2 },
  ipv6_addr: { number: 8, length: 16, byteOrder: 2 },
  inet_proto: { number: 12, length: 1, byteOrder: 2 },
  inet_service: { number: 13, length: 2, byteOrder: 2 },
  ifname: { number: 41, length: 16, byteOrder: 1 },
};

const TYPE_BITS = 6;
/** `NFTNL_UDATA_SET_KEYBYTEORDER`, `..._DATABYTEORDER` and `..._DATA_INTERVAL`. */
const UDATA_SET = { KEY_BYTE_ORDER: 0, DATA_BYTE_ORDER: 1, DATA_INTERVAL: 6 } as const;

/** Bytes of one field before padding: 16 for an interface name. */
export function fieldLength(type: NftType): number {
  return TYPES[type].length;
}

export function typeNumber(types: readonly NftType[]): number {
  return types.reduce((number, type) => (number << TYPE_BITS) | TYPES[type].number, 0);
}

/** Length of a value in a register: fields of a concatenation are padded to 4 bytes. */
export function valueLength(types: readonly NftType[]): number {
  if (types.length === 1) return types.reduce((sum, type) => sum + TYPES[type].length, 0);
  return types.reduce((sum, type) => sum + ((TYPES[type].length + 3) & ~3), 0);
}

/** The types behind a number, undefined when there is one that we never use. */
export function typesOfNumber(number: number): readonly NftType[] | undefined {
  const types: NftType[] = [];
  for (let rest = number; rest > 0; rest >>>= TYPE_BITS) {
    const found = NAMES.get(rest & ((1 << TYPE_BITS) - 1));
    if (found === undefined) return undefined;
    types.unshift(found);
  }
  return types.length === 0 ? undefined : types;
}

const NAMES = new Map(
  (["ipv4_addr", "ipv6_addr", "inet_proto", "inet_service", "ifname"] as const).map((name) => [
    TYPES[name].number,
    name,
  ]),
);

/** What nft notes about a set for its own printing: entries of type, length, and a number in host order. */
export function setUserData(set: NftSetType): Uint8Array {
  const writer = new ByteWriter(16);
  const entry = (type: number, value: number): void => void writer.u8(type).u8(4).u32(value);
  entry(UDATA_SET.KEY_BYTE_ORDER, byteOrderOf(set.key));
  if (set.data !== undefined) {
    entry(UDATA_SET.DATA_BYTE_ORDER, set.data === "verdict" ? 0 : byteOrderOf(set.data));
    entry(UDATA_SET.DATA_INTERVAL, 0);
  }
  return writer.finish();
}

/** Concatenations have none. */
function byteOrderOf(types: readonly NftType[]): number {
  const [only, second] = types;
  return only === undefined || second !== undefined ? 0 : TYPES[only].byteOrder;
}

/** The text of a rule's NFTA_RULE_USERDATA: entries of type, length and value, of which type 0 is the comment. */
export function commentOf(userData: Uint8Array | undefined): string | undefined {
  const reader = new ByteReader(userData ?? new Uint8Array());
  while (reader.remaining >= 2) {
    const type = reader.u8();
    const value = reader.take(Math.min(reader.u8(), reader.remaining));
    if (type === 0) return new TextDecoder().decode(value.subarray(0, Math.max(0, value.indexOf(0))));
  }
  return undefined;
}

export function commentUserData(comment: string): Uint8Array {
  const text = new TextEncoder().encode(`${comment}\0`);
  if (text.length > 128) throw new RangeError(`a comment of ${text.length} bytes is longer than nft's 128`);
  return new ByteWriter(text.length + 2).u8(0).u8(text.length).bytes(text).finish();
}
