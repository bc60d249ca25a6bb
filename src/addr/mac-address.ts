/** Ethernet (EUI-48) addresses as plain values, printable, comparable and fit for `postMessage`. */
import { randomBytes } from "node:crypto";

export interface MacAddress {
  /** 0 .. 2^48-1, first octet most significant. */
  readonly mac: bigint;
}

/** Parses six hex octets joined by `:` or `-`; undefined when the text is not that. */
export function tryParseMac(text: string): MacAddress | undefined {
  if (!/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text)) return undefined;
  return { mac: BigInt(`0x${text.replace(/[:-]/g, "")}`) };
}

/** Like {@link tryParseMac}, but throws `SyntaxError`. */
export function parseMac(text: string): MacAddress {
  const mac = tryParseMac(text);
  if (mac === undefined) throw new SyntaxError(`invalid MAC address: ${text}`);
  return mac;
}

/** Lower-case, `:`-joined. */
export function formatMac(address: MacAddress): string {
  const hex = address.mac.toString(16).padStart(12, "0");
  return (hex.match(/../g) ?? []).join(":");
}

export function macBytes(address: MacAddress): Uint8Array {
  return Uint8Array.from({ length: 6 }, (_, index) => Number((address.mac >> BigInt(40 - 8 * index)) & 0xffn));
}

/** The address in six bytes; undefined for any other length. */
export function macFromBytes(bytes: Uint8Array): MacAddress | undefined {
  if (bytes.length !== 6) return undefined;
  return { mac: bytes.reduce((mac, byte) => (mac << 8n) | BigInt(byte), 0n) };
}

/** A random, locally administered, unicast address (IEEE 802 clause 8.4: second-least bit of octet 0 set, least clear). */
export function randomMac(random: (size: number) => Uint8Array = randomBytes): MacAddress {
  const bytes = Uint8Array.from(random(6));
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return { mac: bytes.reduce((mac, byte) => (mac << 8n) | BigInt(byte), 0n) };
}

/** Whether one station can have it: not of a group, and not all zero. */
export function isStationMac({ mac }: MacAddress): boolean {
  return mac !== 0n && ((mac >> 40n) & 1n) === 0n;
}

export function sameMac(a: MacAddress, b: MacAddress): boolean {
  return a.mac === b.mac;
}
