/**
 * A change of one ruleset as data, and its text for `iptables-restore --noflush`. The kernel takes each table's part whole or
 * not at all, so the order inside a table is only about reading: new chains, removals, insertions, chains that go.
 */
import { chainKey, rulesOf, TABLES, type Block, type ChainRef, type Rule, type Table } from "./rules.ts";

export interface Edits {
  readonly newChains: readonly ChainRef[];
  /** The first rule with the text goes; a text listed twice removes two. */
  readonly deletions: readonly Rule[];
  /** Blocks in the order in which they shall stand. */
  readonly insertions: readonly Block[];
  /** Empty and unreferenced once the deletions are done. */
  readonly droppedChains: readonly ChainRef[];
  readonly dropPolicies: readonly ChainRef[];
}

export function isEmpty(edits: Edits): boolean {
  return Object.values(edits).every((part: readonly unknown[]) => part.length === 0);
}

/**
 * The input for one iptables-restore run. Chains are made with `-N`, never declared with `:CHAIN`, since a declaration
 * flushes a chain that exists, `--noflush` or not; and a `-N` that fails tells us that the kernel is not as we thought.
 */
export function formatRestore(edits: Edits): string {
  return TABLES.flatMap((table) => {
    const lines = tableLines(table, edits);
    return lines.length === 0 ? [] : [`*${table}`, ...lines, "COMMIT"];
  })
    .map((line) => `${line}\n`)
    .join("");
}

function tableLines(table: Table, edits: Edits): string[] {
  const here = <T extends ChainRef>(items: readonly T[]): readonly T[] => items.filter((item) => item.table === table);
  const insertions = here(edits.insertions);
  const heads = [
    ...insertions.filter(({ place }) => place === "first"),
    ...insertions.filter(({ place }) => place === "head"),
  ];
  return [
    ...here(edits.newChains).map(({ chain }) => `-N ${chain}`),
    ...here(edits.deletions).map(({ chain, text }) => `-D ${chain} ${text}`),
    ...heads
      .flatMap(rulesOf)
      .map(({ chain, text }) => `-I ${chain} 1 ${text}`)
      .reverse(),
    ...insertions
      .filter(({ place }) => place === "tail")
      .flatMap(rulesOf)
      .map(({ chain, text }) => `-A ${chain} ${text}`),
    ...here(edits.droppedChains).map(({ chain }) => `-X ${chain}`),
    ...here(edits.dropPolicies).map(({ chain }) => `-P ${chain} DROP`),
  ];
}

/** How many rules appear and disappear; one that only moves is neither. */
export function countEdits(edits: Edits): { readonly added: number; readonly removed: number } {
  const balance = new Map<string, number>();
  const count = (rule: Rule, by: number): void => {
    const key = `${chainKey(rule)} ${rule.text}`;
    balance.set(key, (balance.get(key) ?? 0) + by);
  };
  for (const rule of edits.insertions.flatMap(rulesOf)) count(rule, 1);
  for (const rule of edits.deletions) count(rule, -1);
  const totals = [...balance.values()];
  return {
    added: totals.reduce((sum, value) => sum + Math.max(value, 0), 0),
    removed: totals.reduce((sum, value) => sum + Math.max(-value, 0), 0),
  };
}
