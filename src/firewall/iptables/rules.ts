/**
 * Chains and rules as data, in the words of iptables-save: what `render.ts` makes of policies and `plan.ts` compares with
 * what the kernel has. A rule's text is what iptables-save prints after `-A CHAIN `, to the letter, because that text is how
 * a rule is recognised as ours (docs/decisions/0003-rules-without-comments.md).
 */
import type { Family } from "../../addr/ip-address.ts";
import type { NamespaceRef } from "../../kernel/facts.ts";

export type Table = "raw" | "mangle" | "filter" | "nat";

/** In the order in which a run changes them: what keeps packets out comes before what lets them in. */
export const TABLES: readonly Table[] = ["raw", "mangle", "filter", "nat"];

/** What the installed iptables can say. */
export interface Dialect {
  /** A range of ports that leads to another range is one rule (`--to-destination A:80-90/8080`); else one for each port. */
  readonly shiftedRanges: boolean;
}

export const MODERN: Dialect = { shiftedRanges: true };

/** One ruleset of the kernel: each namespace has one per family. */
export interface Scope {
  readonly namespace: NamespaceRef;
  readonly family: Family;
}

export interface ChainRef {
  readonly table: Table;
  readonly chain: string;
}

export interface Rule extends ChainRef {
  /** `-i docker0 -o docker0 -j ACCEPT` */
  readonly text: string;
}

/**
 * Rules that belong together: one owner's rules in one chain, in order. Where they go:
 * - `first`: at the very top of the chain, whatever others put there; at most one such block per chain;
 * - `head`: below `first`, above every rule that would stop all packets;
 * - `tail`: appended.
 */
export interface Block extends ChainRef {
  /** A policy's key, or "frame". */
  readonly owner: string;
  readonly place: "first" | "head" | "tail";
  readonly texts: readonly string[];
}

/** All that shall be ours in one ruleset. */
export interface Layout {
  readonly chains: readonly ChainRef[];
  /** Chains of ours that go when they are not in `chains`, provided that nobody else uses them. */
  readonly removableChains: readonly ChainRef[];
  readonly blocks: readonly Block[];
  /** Built-in chains that shall drop what no rule decided. */
  readonly dropPolicies: readonly ChainRef[];
}

export const EMPTY_LAYOUT: Layout = { chains: [], removableChains: [], blocks: [], dropPolicies: [] };

/** "host 4" */
export function scopeKey(scope: Scope): string {
  return `${scope.namespace} ${scope.family}`;
}

/** "filter FORWARD" */
export function chainKey({ table, chain }: ChainRef): string {
  return `${table} ${chain}`;
}

/** "filter FORWARD -j DOCKER-USER" */
export function ruleKey(rule: Rule): string {
  return `${chainKey(rule)} ${rule.text}`;
}

export function rulesOf(block: Block): readonly Rule[] {
  return block.texts.map((text) => ({ table: block.table, chain: block.chain, text }));
}

/** Makes blocks of one owner. */
export function blockMaker(owner: string) {
  return (table: Table, chain: string, place: Block["place"], texts: readonly string[]): Block => ({
    owner,
    table,
    chain,
    place,
    texts,
  });
}
