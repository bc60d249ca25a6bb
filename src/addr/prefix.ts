/**
 * An address with a prefix length: `172.18.0.2/16` as an interface has it, or `172.18.0.0/16` as a network. Host bits are
 * kept; `networkOf` clears them.
 */
import {
  compareAddresses,
  familyBits,
  formatAddress,
  sameAddress,
  tryParseAddress,
  type IpAddress,
} from "./ip-address.ts";

export interface Prefix {
  readonly address: IpAddress;
  /** 0 .. 32 or 0 .. 128. */
  readonly length: number;
}

/** Parses CIDR text; undefined when it is none. Host bits are allowed. */
export function tryParsePrefix(text: string): Prefix | undefined {
  const slash = text.lastIndexOf("/");
  const lengthText = text.slice(slash + 1);
  const address = slash < 0 ? undefined : tryParseAddress(text.slice(0, slash));
  if (address === undefined || !/^\d{1,3}$/.test(lengthText)) return undefined;
  const length = Number(lengthText);
  return length > familyBits(address.family) ? undefined : { address, length };
}

/** Like {@link tryParsePrefix}, but throws `SyntaxError`. */
export function parsePrefix(text: string): Prefix {
  const prefix = tryParsePrefix(text);
  if (prefix === undefined) throw new SyntaxError(`invalid CIDR address: ${text}`);
  return prefix;
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.address)}/${prefix.length}`;
}

/** How many addresses the prefix spans. */
export function prefixSize(prefix: Prefix): bigint {
  return 1n << BigInt(familyBits(prefix.address.family) - prefix.length);
}

/** The same prefix with its host bits cleared. */
export function networkOf(prefix: Prefix): Prefix {
  const size = prefixSize(prefix);
  return { address: { ...prefix.address, value: (prefix.address.value / size) * size }, length: prefix.length };
}

/** The highest address in the prefix (IPv4: the broadcast address). */
export function lastAddress(prefix: Prefix): IpAddress {
  const network = networkOf(prefix);
  return { ...network.address, value: network.address.value + prefixSize(prefix) - 1n };
}

/** Whether the address lies in the prefix; false across families. */
export function prefixContains(prefix: Prefix, address: IpAddress): boolean {
  if (prefix.address.family !== address.family) return false;
  const shift = BigInt(familyBits(address.family) - prefix.length);
  return prefix.address.value >> shift === address.value >> shift;
}

/** Whether `outer` spans all of `inner`. */
export function prefixSpans(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && prefixContains(outer, inner.address);
}

/** Whether the two share an address. */
export function prefixesOverlap(a: Prefix, b: Prefix): boolean {
  return a.length <= b.length ? prefixContains(a, b.address) : prefixContains(b, a.address);
}

export function samePrefix(a: Prefix, b: Prefix): boolean {
  return a.length === b.length && sameAddress(a.address, b.address);
}

/** Order by network address, shorter prefixes first; for `Array.sort`. */
export function comparePrefixes(a: Prefix, b: Prefix): number {
  return compareAddresses(a.address, b.address) || a.length - b.length;
}
