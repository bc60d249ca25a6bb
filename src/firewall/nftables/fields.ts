/**
 * The parts of a packet that rules look at, and how their values lie in a register or key: addresses and ports in network
 * order, interface names padded to 16 bytes, each field of a concatenation padded to 4.
 */
import { addressBytes, type Family, type IpAddress } from "../../addr/ip-address.ts";
import type { Expression } from "../../kernel/nftables/expression.ts";
import type { NftType } from "../../kernel/nftables/ruleset.ts";
import type { TransportProtocol } from "../firewall.ts";

export type Field = "iifname" | "oifname" | "saddr" | "daddr" | "protocol" | "sport" | "dport";

const INTERFACE_NAME_BYTES = 16;
const PROTOCOL_NUMBERS: Readonly<Record<TransportProtocol, number>> = { tcp: 6, udp: 17, sctp: 132 };
/** Where addresses are in the header: RFC 791, RFC 8200. */
const SOURCE_OFFSET: Readonly<Record<Family, number>> = { 4: 12, 6: 8 };
const ADDRESS_BYTES: Readonly<Record<Family, number>> = { 4: 4, 6: 16 };

/** nft's name for addresses of the family. */
export function addressType(family: Family): NftType {
  return family === 4 ? "ipv4_addr" : "ipv6_addr";
}

/** Puts the fields one behind the other, ready for a lookup from register 0. */
export function load(family: Family, ...fields: readonly Field[]): readonly Expression[] {
  const expressions: Expression[] = [];
  let to = 0;
  for (const field of fields) {
    expressions.push(loadOne(family, field, to));
    to += sizeOf(family, field);
  }
  return expressions;
}

function loadOne(family: Family, field: Field, to: number): Expression {
  switch (field) {
    case "iifname":
    case "oifname":
      return { kind: "meta", key: field, to };
    case "protocol":
      return { kind: "meta", key: "l4proto", to };
    case "saddr":
      return { kind: "payload", base: "network", offset: SOURCE_OFFSET[family], length: ADDRESS_BYTES[family], to };
    case "daddr": {
      const offset = SOURCE_OFFSET[family] + ADDRESS_BYTES[family];
      return { kind: "payload", base: "network", offset, length: ADDRESS_BYTES[family], to };
    }
    case "sport":
      return { kind: "payload", base: "transport", offset: 0, length: 2, to };
    case "dport":
      return { kind: "payload", base: "transport", offset: 2, length: 2, to };
  }
}

function sizeOf(family: Family, field: Field): number {
  if (field === "iifname" || field === "oifname") return INTERFACE_NAME_BYTES;
  return field === "saddr" || field === "daddr" ? ADDRESS_BYTES[family] : 4;
}

export function nameBytes(name: string): Uint8Array {
  const bytes = new Uint8Array(INTERFACE_NAME_BYTES);
  bytes.set(new TextEncoder().encode(name).subarray(0, INTERFACE_NAME_BYTES - 1));
  return bytes;
}

export function protocolBytes(protocol: TransportProtocol): Uint8Array {
  return Uint8Array.of(PROTOCOL_NUMBERS[protocol]);
}

export function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff);
}

/** A key or datum of several fields. */
export function concat(...fields: readonly (Uint8Array | IpAddress)[]): Uint8Array {
  const parts = fields.map((field) => (field instanceof Uint8Array ? field : addressBytes(field)));
  const bytes = new Uint8Array(parts.reduce((length, part) => length + ((part.length + 3) & ~3), 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += (part.length + 3) & ~3;
  }
  return bytes;
}
