/**
 * What is always there, whatever the policies: our table with its chains, rules and empty sets, one per family. Networks,
 * containers and ports are elements of the sets and nothing else, so a packet meets the same few rules however many there
 * are, and a change adds and removes elements. See docs/decisions/0005-nftables-layout.md.
 *
 *     raw prerouting   guard        containers' own addresses, and 127.0.0.0/8, from where they may not be addressed: drop
 *     nat prerouting   prerouting   to an address of this host: published ports are translated
 *     filter forward   forward      user's rules, inside networks, into networks, out of networks
 *     nat output       output       as prerouting, for what this host sends
 *     nat postrouting  postrouting  containers' addresses are disguised
 */
import type { Family } from "../../addr/ip-address.ts";
import type {
  NftChain,
  NftChainHead,
  NftHook,
  NftRule,
  NftSetType,
  NftTable,
  NftType,
} from "../../kernel/nftables/ruleset.ts";
import { addressType } from "./fields.ts";
import {
  closedNetworkRules,
  forwardRules,
  guardRules,
  outputRules,
  postroutingRules,
  preroutingRules,
  publishRules,
} from "./frame-rules.ts";

/** The name of our table in either family. */
export const TABLE = "causeway";
/** The user's own chain: its rules see every forwarded packet first, and are never touched by us. */
export const USER_CHAIN = "user";

/** All rules and sets, without elements. `dropForwarded`: what nobody accepts is not forwarded. */
export function frame(family: Family, dropForwarded = false): NftTable {
  const sets = setTypes(family).map((set) => ({ ...set, elements: [] }));
  return { family, table: TABLE, sets, chains: chains(family, dropForwarded) };
}

/** Forwarded packets that no chain decided are dropped, or not. */
export function forwardChain(dropForwarded: boolean): NftChainHead {
  const hook = { type: "filter", hook: "forward", priority: 0 } as const;
  return { name: "forward", hook, ...(dropForwarded ? { policy: "drop" } : {}) };
}

function setTypes(family: Family): readonly NftSetType[] {
  const address = addressType(family);
  const set = (name: string, ...key: NftType[]): NftSetType => ({ name, key, interval: false });
  const ranges = (name: string, ...key: NftType[]): NftSetType => ({ name, key, interval: true });
  const port = ["inet_proto", "inet_service"] as const;
  const endpoint = [address, "inet_service"] as const;
  return [
    set("bridges", "ifname"),
    set("routed", "ifname"),
    set("internal", "ifname"),
    set("networks", "ifname", "ifname"),
    set("open-networks", "ifname", "ifname"),
    set("closed-networks", "ifname", "ifname"),
    { ...set("inbound", "ifname"), data: "verdict" },
    set("links", address, address, ...port),
    set("open-ports", address, ...port),
    ranges("open-ranges", address, ...port),
    { ...set("ports", ...port), data: endpoint },
    { ...set("ports-at", address, ...port), data: endpoint },
    { ...ranges("ranges", ...port), data: [address] },
    { ...ranges("ranges-at", address, ...port), data: [address] },
    set("guarded", address),
    set("guard-passes", address, "ifname"),
    ranges("masqueraded", address),
    { ...ranges("sources", address), data: [address] },
  ];
}

/** Chains come before those that lead to them. */
function chains(family: Family, dropForwarded: boolean): readonly NftChain[] {
  return [
    { name: USER_CHAIN, rules: [] },
    { name: "closed-network", rules: closedNetworkRules(family) },
    { name: "publish", rules: publishRules(family) },
    { ...forwardChain(dropForwarded), rules: forwardRules(family, USER_CHAIN) },
    baseChain("guard", { type: "filter", hook: "prerouting", priority: -300 }, guardRules(family)),
    baseChain("prerouting", { type: "nat", hook: "prerouting", priority: -100 }, preroutingRules(family)),
    baseChain("output", { type: "nat", hook: "output", priority: -100 }, outputRules(family)),
    baseChain("postrouting", { type: "nat", hook: "postrouting", priority: 100 }, postroutingRules(family)),
  ];
}

function baseChain(name: string, hook: NftHook, rules: readonly NftRule[]): NftChain {
  return { name, hook, rules };
}
