/**
 * The rules of the frame, chain by chain, in the order in which packets meet them. Each has a comment that nft shows. Those
 * that drop count what they dropped.
 */
import { addressBytes, parseAddress, type Family } from "../../addr/ip-address.ts";
import type { Expression, Verdict } from "../../kernel/nftables/expression.ts";
import type { NftRule } from "../../kernel/nftables/ruleset.ts";
import { CT_STATE, FIB_TYPE, IPS } from "../../kernel/uapi/nf-tables.ts";
import { ByteWriter } from "../../wire/byte-writer.ts";
import { load, nameBytes, type Field } from "./fields.ts";

type Part = readonly Expression[];

/** ICMP for IPv4 and IPv6. */
const ICMP: Readonly<Record<Family, number>> = { 4: 1, 6: 58 };

const ACCEPT: Part = [{ kind: "verdict", verdict: "accept" }];
const RETURN: Part = [{ kind: "verdict", verdict: "return" }];
const DROP: Part = [{ kind: "counter" }, { kind: "verdict", verdict: "drop" }];
const MASQUERADE: Part = [{ kind: "masquerade" }];

function jump(chain: string): Part {
  const verdict: Verdict = { verdict: "jump", chain };
  return [{ kind: "verdict", ...verdict }];
}

function rule(comment: string, ...parts: readonly Part[]): NftRule {
  return { comment, expressions: parts.flat() };
}

/** The fields together are in the set. */
function among(family: Family, set: string, ...fields: readonly Field[]): Part {
  return [...load(family, ...fields), { kind: "lookup", set, from: 0 }];
}

function toOpenPort(family: Family, set: "open-ports" | "open-ranges"): Part {
  return among(family, set, "daddr", "protocol", "dport");
}

export function forwardRules(family: Family, userChain: string): readonly NftRule[] {
  const verdict: Part = [{ kind: "lookup", set: "inbound", from: 0, to: "verdict" }];
  return [
    rule("the user's rules", jump(userChain)),
    rule("inside a network", among(family, "open-networks", "iifname", "oifname"), ACCEPT),
    rule("inside one without icc", among(family, "closed-networks", "iifname", "oifname"), jump("closed-network")),
    rule("out of an internal network", among(family, "internal", "iifname"), DROP),
    rule("into an internal network", among(family, "internal", "oifname"), DROP),
    rule("answers", among(family, "bridges", "oifname"), establishedOrRelated(), ACCEPT),
    rule("ping to routed networks", among(family, "routed", "oifname"), protocolIs(family, ICMP[family]), ACCEPT),
    rule("published ports", toOpenPort(family, "open-ports"), ACCEPT),
    rule("published ranges", toOpenPort(family, "open-ranges"), ACCEPT),
    rule("all else into a network", load(family, "oifname"), verdict),
    rule("out of a network", among(family, "bridges", "iifname"), ACCEPT),
  ];
}

export function closedNetworkRules(family: Family): readonly NftRule[] {
  return [
    rule("answers", establishedOrRelated(), ACCEPT),
    rule("links", among(family, "links", "saddr", "daddr", "protocol", "dport"), ACCEPT),
    rule("published ports, asked for at the host", isTranslated(), toOpenPort(family, "open-ports"), ACCEPT),
    rule("published ranges, asked for at the host", isTranslated(), toOpenPort(family, "open-ranges"), ACCEPT),
    rule("no icc", DROP),
  ];
}

export function guardRules(family: Family): readonly NftRule[] {
  const notLetPass: Part = [
    ...load(family, "daddr", "iifname"),
    { kind: "lookup", set: "guard-passes", from: 0, inverted: true },
  ];
  return [
    rule("no direct access", among(family, "guarded", "daddr"), notLetPass, DROP),
    rule("loopback is this host's", interfaceIsNot("lo"), isLoopback(family, "daddr"), DROP),
  ];
}

export function publishRules(family: Family): readonly NftRule[] {
  return [
    rule("ports at one address", translate(family, "ports-at", "daddr", "protocol", "dport")),
    rule("ports", translate(family, "ports", "protocol", "dport")),
    rule("ranges at one address", translate(family, "ranges-at", "daddr", "protocol", "dport")),
    rule("ranges", translate(family, "ranges", "protocol", "dport")),
  ];
}

export function preroutingRules(family: Family): readonly NftRule[] {
  return [rule("to an address of this host", notLinkLocal(family), destinationIsLocal(), jump("publish"))];
}

export function outputRules(family: Family): readonly NftRule[] {
  return [rule("to an address of this host", notLoopback6(family), destinationIsLocal(), jump("publish"))];
}

/** Packets that pass on a bridge, and those that this host sends, have no input interface here. */
export function postroutingRules(family: Family): readonly NftRule[] {
  const intoItself = among(family, "networks", "iifname", "oifname");
  const intoNetwork = among(family, "bridges", "oifname");
  const toSource: Part = [
    ...load(family, "saddr"),
    { kind: "lookup", set: "sources", from: 0, to: 0 },
    { kind: "nat", translate: "source", family, address: 0 },
  ];
  return [
    rule("back into the network it came from", intoItself, isTranslated(), MASQUERADE),
    rule("inside a network", intoItself, RETURN),
    rule("from this host's loopback", isLoopback(family, "saddr"), intoNetwork, MASQUERADE),
    rule("back on its bridge", noInputInterface(), intoNetwork, isTranslated(), sourceIsNotLocal(), MASQUERADE),
    rule("on a bridge, or from this host", noInputInterface(), intoNetwork, RETURN),
    rule("out of a network, from the address asked for", toSource),
    rule("out of a network", among(family, "masqueraded", "saddr"), MASQUERADE),
  ];
}

/** `dnat ip to FIELDS map @SET`: maps of ports give an address and a port, maps of ranges an address alone. */
function translate(family: Family, set: string, ...fields: readonly Field[]): Part {
  const behindAddress = family === 4 ? 4 : 16;
  const port = set.startsWith("ports") ? { port: behindAddress } : {};
  return [
    ...load(family, ...fields),
    { kind: "lookup", set, from: 0, to: 0 },
    { kind: "nat", translate: "destination", family, address: 0, ...port },
  ];
}

/** Host order, as `ct` and `fib` give numbers. */
function hostOrder(value: number): Uint8Array {
  return new ByteWriter(4).u32(value).finish();
}

function anyBit(key: "state" | "status", bits: number): Part {
  return [
    { kind: "ct", key, to: 0 },
    { kind: "bitwise", from: 0, to: 0, mask: hostOrder(bits), xor: hostOrder(0) },
    { kind: "compare", from: 0, operator: "neq", value: hostOrder(0) },
  ];
}

function establishedOrRelated(): Part {
  return anyBit("state", CT_STATE.ESTABLISHED | CT_STATE.RELATED);
}

function isTranslated(): Part {
  return anyBit("status", IPS.DST_NAT);
}

function destinationIsLocal(): Part {
  return [
    { kind: "fib", address: "daddr", to: 0 },
    { kind: "compare", from: 0, operator: "eq", value: hostOrder(FIB_TYPE.LOCAL) },
  ];
}

function sourceIsNotLocal(): Part {
  return [
    { kind: "fib", address: "saddr", to: 0 },
    { kind: "compare", from: 0, operator: "neq", value: hostOrder(FIB_TYPE.LOCAL) },
  ];
}

function noInputInterface(): Part {
  return [
    { kind: "meta", key: "iif", to: 0 },
    { kind: "compare", from: 0, operator: "eq", value: hostOrder(0) },
  ];
}

function protocolIs(family: Family, protocol: number): Part {
  return [...load(family, "protocol"), { kind: "compare", from: 0, operator: "eq", value: Uint8Array.of(protocol) }];
}

function interfaceIsNot(name: string): Part {
  return [
    { kind: "meta", key: "iifname", to: 0 },
    { kind: "compare", from: 0, operator: "neq", value: nameBytes(name) },
  ];
}

/** 127.0.0.0/8 by its first byte; ::1. */
function isLoopback(family: Family, field: "saddr" | "daddr"): Part {
  if (family === 6) return [...load(6, field), { kind: "compare", from: 0, operator: "eq", value: LOOPBACK6 }];
  const offset = field === "saddr" ? 12 : 16;
  return [
    { kind: "payload", base: "network", offset, length: 1, to: 0 },
    { kind: "compare", from: 0, operator: "eq", value: Uint8Array.of(127) },
  ];
}

const LOOPBACK6 = addressBytes(parseAddress("::1"));

/** Packets cannot leave with the source ::1, so a translation would only break what listens there. */
function notLoopback6(family: Family): Part {
  if (family === 4) return [];
  return [...load(6, "daddr"), { kind: "compare", from: 0, operator: "neq", value: LOOPBACK6 }];
}

/** Link-local senders cannot be answered from another link. */
function notLinkLocal(family: Family): Part {
  if (family === 4) return [];
  const mask = new Uint8Array(16);
  mask.set([0xff, 0xc0]);
  return [
    ...load(6, "saddr"),
    { kind: "bitwise", from: 0, to: 0, mask, xor: new Uint8Array(16) },
    { kind: "compare", from: 0, operator: "neq", value: addressBytes(parseAddress("fe80::")) },
  ];
}
