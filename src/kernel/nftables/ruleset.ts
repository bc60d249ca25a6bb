/**
 * What nf_tables holds, as plain data in the words of nft: tables with chains of rules and sets of elements. What a rule does
 * is `expression.ts`. The same types say what shall be and what a dump found, so that the two can be compared.
 *
 * Registers are byte offsets into the 64 bytes of a rule's scratch memory, 4-byte aligned; the codec turns them into the
 * kernel's numbers. Values and keys are bytes as they lie in a register: addresses and ports in network order, interface
 * names padded with zeroes to 16 bytes, each field of a concatenation padded to 4 bytes.
 */
import type { Family } from "../../addr/ip-address.ts";
import type { Expression, Verdict } from "./expression.ts";

/** A table is named within the family of the packets that it sees: `ip` is 4, `ip6` is 6. */
export interface NftTableName {
  readonly family: Family;
  readonly table: string;
}

export interface NftTable extends NftTableName {
  readonly sets: readonly NftSet[];
  readonly chains: readonly NftChain[];
}

export type NftHookName = "prerouting" | "input" | "forward" | "output" | "postrouting";

/** Where packets enter a base chain. */
export interface NftHook {
  readonly type: "filter" | "nat";
  readonly hook: NftHookName;
  /** Lower is earlier: raw -300, dstnat -100, filter 0, srcnat 100. */
  readonly priority: number;
}

/** A chain without its rules. */
export interface NftChainHead {
  readonly name: string;
  readonly hook?: NftHook;
  /** What happens to packets that no rule decided; base chains only. Left out: as it is, `accept` when the chain is new. */
  readonly policy?: "accept" | "drop";
}

export interface NftChain extends NftChainHead {
  readonly rules: readonly NftRule[];
}

/** What of a chain its making needs. */
export function chainHead({ name, hook, policy }: NftChain): NftChainHead {
  return { name, ...(hook === undefined ? {} : { hook }), ...(policy === undefined ? {} : { policy }) };
}

/** What of a set its making needs. */
export function setType({ name, key, data, interval }: NftSet): NftSetType {
  return { name, key, interval, ...(data === undefined ? {} : { data }) };
}

export interface NftRule {
  readonly expressions: readonly Expression[];
  /** Shown by nft; at most 127 bytes. */
  readonly comment?: string;
}

/** nft's names of the types that keys and data can have. */
export type NftType = "ipv4_addr" | "ipv6_addr" | "inet_proto" | "inet_service" | "ifname";

/** A set, or a map when it has `data`. Several types are a concatenation. */
export interface NftSetType {
  readonly name: string;
  readonly key: readonly NftType[];
  readonly data?: "verdict" | readonly NftType[];
  /** Keys are ranges, which must not overlap. */
  readonly interval: boolean;
}

export interface NftSet extends NftSetType {
  readonly elements: readonly NftElement[];
}

export interface NftElement {
  readonly key: Uint8Array;
  /** The last key of a range, inclusive in every field; on all elements of sets with `interval`, and on no others. */
  readonly keyEnd?: Uint8Array;
  readonly data?: Uint8Array | Verdict;
}

/** One part of a transaction. The kernel carries them out in order, all or none. */
export type NftChange =
  /** Idempotent. */
  | ({ readonly change: "add-table" } & NftTableName)
  /** With everything in it. */
  | ({ readonly change: "delete-table" } & NftTableName)
  /** Without rules. A base chain that exists takes the policy given. */
  | ({ readonly change: "add-chain"; readonly chain: NftChainHead } & NftTableName)
  /** The chain must be empty and unused. */
  | ({ readonly change: "delete-chain"; readonly chain: string } & NftTableName)
  | ({ readonly change: "append-rule"; readonly chain: string; readonly rule: NftRule } & NftTableName)
  | ({ readonly change: "flush-chain"; readonly chain: string } & NftTableName)
  | ({ readonly change: "add-set"; readonly set: NftSetType } & NftTableName)
  | ({ readonly change: "delete-set"; readonly set: string } & NftTableName)
  | ({
      readonly change: "add-elements" | "delete-elements";
      readonly set: NftSetType;
      readonly elements: readonly NftElement[];
    } & NftTableName);
