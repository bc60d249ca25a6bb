/**
 * IP addresses as plain values: a family and an unsigned integer. Plain, so that they survive `postMessage`, compare with
 * `sameAddress`, and print with `formatAddress` (RFC 5952 for IPv6). Nothing past the API's edge handles addresses as text.
 */

export type Family = 4 | 6;

export interface IpAddress {
  readonly family: Family;
  /** 0 .. 2^32-1 or 0 .. 2^128-1, network byte order read as a number. */
  readonly value: bigint;
}

/** Bits in an address of the family: 32 or 128. */
export function familyBits(family: Family): number {
  return family === 4 ? 32 : 128;
}

/** Parses dotted-quad IPv4 (no leading zeros) or RFC 4291 IPv6; undefined when the text is neither. IPv4-mapped stays IPv6. */
export function tryParseAddress(text: string): IpAddress | undefined {
  return text.includes(":") ? parseIPv6(text) : parseIPv4(text);
}

/** Like {@link tryParseAddress}, but throws `SyntaxError`. */
export function parseAddress(text: string): IpAddress {
  const address = tryParseAddress(text);
  if (address === undefined) throw new SyntaxError(`invalid IP address: ${JSON.stringify(text)}`);
  return address;
}

function parseIPv4(text: string): IpAddress | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return { family: 4, value };
}

function parseIPv6(text: string): IpAddress | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "", true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  return { family: 6, value: groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n) };
}

/** The 16-bit groups of one side of `::`; a dotted quad may end the last side. */
function parseGroups(text: string, mayEndInIPv4: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (mayEndInIPv4 && index === parts.length - 1 && part.includes(".")) {
      const quad = parseIPv4(part);
      if (quad === undefined) return undefined;
      groups.push(Number(quad.value >> 16n), Number(quad.value & 0xffffn));
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** Canonical text: dotted quad, or RFC 5952 lower-case with the longest run of zero groups as `::`. */
export function formatAddress(address: IpAddress): string {
  if (address.family === 4) return [24n, 16n, 8n, 0n].map((shift) => (address.value >> shift) & 0xffn).join(".");
  const groups = Array.from({ length: 8 }, (_, index) => Number((address.value >> BigInt(112 - 16 * index)) & 0xffffn));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${formatAddress({ family: 4, value: address.value & 0xffff_ffffn })}`;
  }
  const run = longestZeroRun(groups);
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(":");
  if (run.length < 2) return text(groups);
  return `${text(groups.slice(0, run.start))}::${text(groups.slice(run.start + run.length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  }
  return best;
}

export function sameAddress(a: IpAddress, b: IpAddress): boolean {
  return a.family === b.family && a.value === b.value;
}

/** Order: IPv4 before IPv6, then by value; for `Array.sort`. */
export function compareAddresses(a: IpAddress, b: IpAddress): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

/** The 4 or 16 bytes in network order. */
export function addressBytes(address: IpAddress): Uint8Array {
  const bytes = new Uint8Array(familyBits(address.family) / 8);
  let value = address.value;
  for (let index = bytes.length - 1; index >= 0; index--) {
    bytes[index] = Number(value & 0xffn);
    value >>= 8n;
  }
  return bytes;
}

/** The address in 4 or 16 bytes of network order; undefined for any other length. */
export function addressFromBytes(bytes: Uint8Array): IpAddress | undefined {
  if (bytes.length !== 4 && bytes.length !== 16) return undefined;
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return { family: bytes.length === 4 ? 4 : 6, value };
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback(address: IpAddress): boolean {
  return address.family === 4 ? address.value >> 24n === 127n : address.value === 1n;
}

/** 0.0.0.0 or ::. */
export function isUnspecified(address: IpAddress): boolean {
  return address.value === 0n;
}

/** 224.0.0.0/4 or ff00::/8. */
export function isMulticast(address: IpAddress): boolean {
  return address.family === 4 ? address.value >> 28n === 0xen : address.value >> 120n === 0xffn;
}
