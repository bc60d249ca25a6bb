/**
 * The table inside a sandbox: port 53 of the resolver's address leads to the ports that really serve it, and what comes from
 * those ports is made to come from 53 again, also where the connection was forgotten meanwhile.
 */
import { addressBytes } from "../../addr/ip-address.ts";
import type { Expression } from "../../kernel/nftables/expression.ts";
import {
  chainHead,
  type NftChange,
  type NftRule,
  type NftTable,
  type NftTableName,
} from "../../kernel/nftables/ruleset.ts";
import type { DnsRedirect } from "../firewall.ts";
import { load, portBytes, protocolBytes, type Field } from "./fields.ts";

export const DNS_TABLE: NftTableName = { family: 4, table: "causeway-dns" };

export function dnsTable(policy: DnsRedirect): NftTable {
  const ports = [
    ["tcp", policy.tcpPort],
    ["udp", policy.udpPort],
  ] as const;
  return {
    ...DNS_TABLE,
    sets: [],
    chains: [
      {
        name: "output",
        hook: { type: "nat", hook: "output", priority: -100 },
        rules: ports.map(([protocol, port]) => toResolver(policy, protocol, port)),
      },
      {
        name: "postrouting",
        hook: { type: "nat", hook: "postrouting", priority: 100 },
        rules: ports.map(([protocol, port]) => fromResolver(policy, protocol, port)),
      },
    ],
  };
}

/** Makes the table whatever was there of that name. */
export function replaceDnsTable(policy: DnsRedirect): readonly NftChange[] {
  const { chains } = dnsTable(policy);
  return [
    ...removeDnsTable(),
    { ...DNS_TABLE, change: "add-table" },
    ...chains.map((chain): NftChange => ({ ...DNS_TABLE, change: "add-chain", chain: chainHead(chain) })),
    ...chains.flatMap(({ name, rules }) =>
      rules.map((rule): NftChange => ({ ...DNS_TABLE, change: "append-rule", chain: name, rule })),
    ),
  ];
}

/** Removes the table whether it is there or not. */
export function removeDnsTable(): readonly NftChange[] {
  return [
    { ...DNS_TABLE, change: "add-table" },
    { ...DNS_TABLE, change: "delete-table" },
  ];
}

function toResolver({ address }: DnsRedirect, protocol: "tcp" | "udp", port: number): NftRule {
  return {
    comment: "queries",
    expressions: [
      ...equals("daddr", addressBytes(address)),
      ...equals("protocol", protocolBytes(protocol)),
      ...equals("dport", portBytes(53)),
      { kind: "immediate", to: 0, value: addressBytes(address) },
      { kind: "immediate", to: 4, value: portBytes(port) },
      { kind: "nat", translate: "destination", family: 4, address: 0, port: 4 },
    ],
  };
}

function fromResolver({ address }: DnsRedirect, protocol: "tcp" | "udp", port: number): NftRule {
  return {
    comment: "answers",
    expressions: [
      ...equals("saddr", addressBytes(address)),
      ...equals("protocol", protocolBytes(protocol)),
      ...equals("sport", portBytes(port)),
      { kind: "immediate", to: 0, value: portBytes(53) },
      { kind: "nat", translate: "source", family: 4, port: 0 },
    ],
  };
}

function equals(field: Field, value: Uint8Array): readonly Expression[] {
  return [...load(4, field), { kind: "compare", from: 0, operator: "eq", value }];
}
