/**
 * The difference between what our table shall be and what the kernel has, as changes of one transaction. Pure. The user's
 * chain is made where it is missing and never looked into; chains and sets that are not in the frame are left alone.
 */
import {
  chainHead,
  setType,
  type NftChain,
  type NftChange,
  type NftElement,
  type NftSet,
  type NftTable,
} from "../../kernel/nftables/ruleset.ts";
import { elementId } from "./element-id.ts";
import { fingerprint } from "./fingerprint.ts";
import { USER_CHAIN } from "./frame.ts";
import type { ElementChange } from "./holdings.ts";
import type { PlacedElement } from "./render.ts";

export interface Plan {
  readonly changes: readonly NftChange[];
  /** Rules and elements that appear and disappear. */
  readonly added: number;
  readonly removed: number;
}

/** From what a dump found to what shall be. */
export function planTable(found: NftTable | undefined, wanted: NftTable): Plan {
  const present = found ?? { ...wanted, sets: [], chains: [] };
  const rebuild =
    wanted.sets.some((set) => differs(byName(present.sets, set.name), set)) || hooksDiffer(present, wanted);
  const base = rebuild ? withoutFrame(present, wanted) : present;
  const rules = wanted.chains.filter(({ name }) => name !== USER_CHAIN).map((chain) => planRules(base, chain));
  const elements = planElements(base, wanted);
  const at = { family: wanted.family, table: wanted.table };
  const added = rules.reduce((sum, plan) => sum + plan.added, 0) + elements.added.length;
  const removed = rules.reduce((sum, plan) => sum + plan.removed, 0) + elements.removed.length;
  return {
    changes: [
      ...(found === undefined ? [{ ...at, change: "add-table" } as const] : []),
      ...(rebuild ? tearDown(present, wanted) : []),
      ...missing(base.sets, wanted.sets).map((set): NftChange => ({ ...at, change: "add-set", set: setType(set) })),
      ...planChains(base, wanted),
      ...rules.flatMap((plan) => plan.changes),
      ...elementChanges(wanted, elements),
    ],
    added,
    removed: removed + (rebuild ? sizeOf(present) - sizeOf(base) : 0),
  };
}

/** The transaction for elements that come and go. Those that go first make room for others with their keys. */
export function elementChanges(
  { family, table, sets }: Pick<NftTable, "family" | "table" | "sets">,
  { added, removed }: ElementChange,
): readonly NftChange[] {
  const typeOf = new Map(sets.map((set) => [set.name, setType(set)]));
  const grouped = (change: "add-elements" | "delete-elements", items: readonly PlacedElement[]): readonly NftChange[] =>
    [...Map.groupBy(items, ({ set }) => set)].flatMap(([name, group]) => {
      const set = typeOf.get(name);
      return set === undefined ? [] : [{ change, family, table, set, elements: group.map(({ element }) => element) }];
    });
  return [...grouped("delete-elements", removed), ...grouped("add-elements", added)];
}

/** Elements by set, in the frame's sets. */
export function filled(frame: NftTable, placed: readonly PlacedElement[]): NftTable {
  const bySet = Map.groupBy(placed, ({ set }) => set);
  const elementsOf = ({ name }: NftSet): readonly NftElement[] => bySet.get(name)?.map(({ element }) => element) ?? [];
  return { ...frame, sets: frame.sets.map((set) => ({ ...set, elements: elementsOf(set) })) };
}

function byName<Item extends { readonly name: string }>(items: readonly Item[], name: string): Item | undefined {
  return items.find((item) => item.name === name);
}

function missing<Item extends { readonly name: string }>(present: readonly Item[], wanted: readonly Item[]) {
  return wanted.filter(({ name }) => byName(present, name) === undefined);
}

/** Whether a set of that name is of another type. */
function differs(present: NftSet | undefined, wanted: NftSet): boolean {
  return present !== undefined && fingerprint(setType(present)) !== fingerprint(setType(wanted));
}

function hooksDiffer(present: NftTable, wanted: NftTable): boolean {
  return wanted.chains.some(({ name, hook }) => {
    const chain = byName(present.chains, name);
    return chain !== undefined && fingerprint(chain.hook ?? "") !== fingerprint(hook ?? "");
  });
}

/** What is left of a table once the frame is torn down: the user's chain, and what is not ours. */
function withoutFrame(present: NftTable, wanted: NftTable): NftTable {
  const isOurs = ({ name }: { readonly name: string }, items: readonly { readonly name: string }[]): boolean =>
    name !== USER_CHAIN && byName(items, name) !== undefined;
  return {
    ...present,
    chains: present.chains.filter((chain) => !isOurs(chain, wanted.chains)),
    sets: present.sets.filter((set) => !isOurs(set, wanted.sets)),
  };
}

/** Whether there is something in the table that is neither of the frame nor the user's chain. */
export function hasUsersOwn(present: NftTable, wanted: NftTable): boolean {
  const { chains, sets } = withoutFrame(present, wanted);
  return sets.length > 0 || chains.some(({ name }) => name !== USER_CHAIN);
}

function sizeOf({ chains, sets }: NftTable): number {
  const count = (sum: number, items: readonly unknown[]): number => sum + items.length;
  return chains.map(({ rules }) => rules).reduce(count, 0) + sets.map(({ elements }) => elements).reduce(count, 0);
}

/** Removes the frame's chains and sets, those that lead to others first. Rules of others that use our sets forbid it. */
export function tearDown(present: NftTable, wanted: NftTable): readonly NftChange[] {
  const { family, table } = present;
  const rest = withoutFrame(present, wanted);
  const chains = missing(rest.chains, present.chains).map(({ name }) => name);
  const sets = missing(rest.sets, present.sets).map(({ name }) => name);
  return [
    ...chains.map((chain): NftChange => ({ change: "flush-chain", family, table, chain })),
    ...chains.map((chain): NftChange => ({ change: "delete-chain", family, table, chain })),
    ...sets.map((set): NftChange => ({ change: "delete-set", family, table, set })),
  ];
}

/** Chains to make, and policies to set; a policy that is not asked for stays as somebody made it. */
function planChains(present: NftTable, { family, table, chains }: NftTable): readonly NftChange[] {
  return chains.flatMap((chain): readonly NftChange[] => {
    const old = byName(present.chains, chain.name);
    const isRight = old !== undefined && (chain.policy === undefined || chain.policy === old.policy);
    return isRight ? [] : [{ change: "add-chain", family, table, chain: chainHead(chain) }];
  });
}

/** A chain that differs gets all its rules anew; its packets see the old or the new, as everything in a transaction. */
function planRules(present: NftTable, { name, rules }: NftChain): Plan & { readonly changes: NftChange[] } {
  const at = { family: present.family, table: present.table, chain: name };
  const old = (byName(present.chains, name)?.rules ?? []).map(fingerprint);
  const fresh = rules.map(fingerprint);
  if (old.length === fresh.length && old.every((rule, index) => rule === fresh[index]))
    return { changes: [], added: 0, removed: 0 };
  return {
    changes: [
      ...(old.length === 0 ? [] : [{ ...at, change: "flush-chain" } as const]),
      ...rules.map((rule): NftChange => ({ ...at, change: "append-rule", rule })),
    ],
    added: fresh.filter((rule) => !old.includes(rule)).length,
    removed: old.filter((rule) => !fresh.includes(rule)).length,
  };
}

function planElements(present: NftTable, wanted: NftTable): ElementChange {
  const index = (table: NftTable, names: readonly NftSet[]): Map<string, PlacedElement> => {
    const ours = table.sets.filter(({ name }) => byName(names, name) !== undefined);
    const placed = ours.flatMap(({ name, elements }) => elements.map((element) => ({ set: name, element })));
    return new Map(placed.map((one) => [elementId(one), one]));
  };
  const [old, fresh] = [index(present, wanted.sets), index(wanted, wanted.sets)];
  return {
    added: [...fresh].filter(([id]) => !old.has(id)).map(([, placed]) => placed),
    removed: [...old].filter(([id]) => !fresh.has(id)).map(([, placed]) => placed),
  };
}
