/**
 * From what is to what shall be, as edits. Pure. Two ways to know what is:
 *
 * - `planChange` trusts our memory of the last layout: an ordinary change needs no look at the kernel. Where the memory is
 *   wrong, a deletion or a new chain fails, the kernel refuses the whole table, and the caller looks.
 * - `planFromSaved` looks: it finds what is there, what is missing or misplaced, and what was ours and is no longer wanted.
 *
 * The unit is the block: a block that is not whole, in order and in place is taken out and put in again, all of it, so that
 * rules of one owner never stand in an order that nobody designed. Rules of others are never moved.
 */
import type { SavedRuleset } from "./parse.ts";
import { chainKey, ruleKey, rulesOf, TABLES, type Block, type ChainRef, type Layout, type Rule } from "./rules.ts";
import type { Edits } from "./edits.ts";

/** A rule after which no packet reaches the next one. */
const STOPS_ALL = /^-j (ACCEPT|DROP|RETURN|REJECT( --reject-with \S+)?)$/;

/**
 * `isAllOurs` tells of a chain whether every rule in it is known to be ours. There, a block of the head is appended: nothing
 * stands behind which it could not be reached, and what must stay first need not be taken out and put above it. A deletion
 * makes iptables read the whole chain (60 ms at 1,000 networks); an append costs the same however long the chain is.
 */
export function planChange(
  before: Layout,
  after: Layout,
  isAllOurs: (chain: ChainRef) => boolean = () => false,
): Edits {
  const had = new Map(before.blocks.map((block) => [blockKey(block), block]));
  const wants = new Map(after.blocks.map((block) => [blockKey(block), block]));
  const gone = before.blocks.filter((block) => !sameTexts(block, wants.get(blockKey(block))));
  const fresh = after.blocks
    .filter((block) => !sameTexts(block, had.get(blockKey(block))))
    .map((block) => (block.place === "head" && isAllOurs(block) ? { ...block, place: "tail" as const } : block));
  const moved = overtaken(after.blocks, fresh);
  return {
    newChains: without(after.chains, before.chains),
    deletions: [...gone, ...moved].flatMap(rulesOf),
    insertions: [...moved, ...fresh],
    droppedChains: without(before.chains, after.chains),
    dropPolicies: without(after.dropPolicies, before.dropPolicies),
  };
}

/**
 * `owned` is what we recorded as ours, present or not. Only rules that are owned, or whose text is wanted, are touched.
 */
export function planFromSaved(saved: SavedRuleset, after: Layout, owned: readonly Rule[]): Edits {
  const present = (chain: ChainRef): readonly string[] => saved.get(chain.table)?.get(chain.chain)?.rules ?? [];
  const unseated = after.blocks.filter((block) => !isSeated(block, present(block)));
  const moved = overtaken(after.blocks, unseated);
  const deletions = [
    ...unseated.flatMap(rulesOf).filter((rule) => present(rule).includes(rule.text)),
    ...moved.flatMap(rulesOf),
    ...unwanted(owned, after).filter((rule) => present(rule).includes(rule.text)),
  ];
  return {
    newChains: after.chains.filter((chain) => saved.get(chain.table)?.get(chain.chain) === undefined),
    deletions,
    insertions: [...moved, ...unseated],
    droppedChains: without(after.removableChains, after.chains).filter((chain) => isDroppable(chain, saved, deletions)),
    dropPolicies: after.dropPolicies.filter(({ table, chain }) => saved.get(table)?.get(chain)?.policy !== "DROP"),
  };
}

/** The chains to which nothing may be appended, by key: somebody else has a rule there, or we one that stops all. */
export function closedChains(saved: SavedRuleset, layout: Layout, owned: readonly Rule[] = []): ReadonlySet<string> {
  const ours = new Set([...layout.blocks.flatMap(rulesOf), ...owned].map(ruleKey));
  const stopped = layout.blocks.filter(
    ({ place, texts }) => place === "tail" && texts.some((text) => STOPS_ALL.test(text)),
  );
  const shared = TABLES.flatMap((table) =>
    [...(saved.get(table) ?? [])]
      .filter(([chain, { rules }]) => rules.some((text) => !ours.has(ruleKey({ table, chain, text }))))
      .map(([chain]) => ({ table, chain })),
  );
  return new Set([...stopped, ...shared].map(chainKey));
}

/** Owned rules that no block wants, each once. */
function unwanted(owned: readonly Rule[], after: Layout): readonly Rule[] {
  const wanted = new Set(after.blocks.flatMap(rulesOf).map(ruleKey));
  return [...new Map(owned.map((rule) => [ruleKey(rule), rule])).values()].filter((rule) => !wanted.has(ruleKey(rule)));
}

/** Blocks that must stay first in a chain into whose head something is put: they are taken out and put above it. */
function overtaken(blocks: readonly Block[], inserted: readonly Block[]): readonly Block[] {
  const heads = new Set(inserted.filter(({ place }) => place === "head").map(chainKey));
  return blocks.filter((block) => block.place === "first" && heads.has(chainKey(block)) && !inserted.includes(block));
}

/** Whether the block stands in the chain whole, in order, and where it belongs. */
function isSeated(block: Block, chain: readonly string[]): boolean {
  const positions = block.texts.map((text) => chain.indexOf(text));
  if (positions.some((position, index) => position < 0 || position < (positions[index - 1] ?? 0))) return false;
  if (block.place === "tail") return true;
  if (block.place === "first") return positions.every((position, index) => position === index);
  const stop = chain.findIndex((text) => STOPS_ALL.test(text) && !block.texts.includes(text));
  return stop < 0 || positions.every((position) => position < stop);
}

/** Whether nothing of anybody else is in the chain or leads to it, once the deletions are done. */
function isDroppable(chain: ChainRef, saved: SavedRuleset, deletions: readonly Rule[]): boolean {
  const chains = saved.get(chain.table);
  if (chains?.get(chain.chain) === undefined) return false;
  const deleted = new Set(deletions.map(ruleKey));
  const remaining = [...chains].flatMap(([name, { rules }]) =>
    rules
      .filter((text) => !deleted.has(ruleKey({ table: chain.table, chain: name, text })))
      .map((text) => ({ name, text })),
  );
  return !remaining.some(
    ({ name, text }) => name === chain.chain || / -[jg] (\S+)/.exec(` ${text}`)?.[1] === chain.chain,
  );
}

function blockKey(block: Block): string {
  return `${block.owner} ${chainKey(block)} ${block.place}`;
}

function sameTexts(a: Block, b: Block | undefined): boolean {
  return (
    b !== undefined && a.texts.length === b.texts.length && a.texts.every((text, index) => text === b.texts[index])
  );
}

function without(chains: readonly ChainRef[], others: readonly ChainRef[]): readonly ChainRef[] {
  const keys = new Set(others.map(chainKey));
  return chains.filter((chain) => !keys.has(chainKey(chain)));
}
