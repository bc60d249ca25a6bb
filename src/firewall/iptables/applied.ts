/**
 * What holds in one ruleset as far as we know. A change is planned from the policies that it touches alone, so that it costs
 * the same however many others there are: of each rule it is known how many policies need it (two host ports that lead to one
 * container port need the same rule behind the translation), and it goes with the last of them.
 */
import { policyKey, type Policy } from "../firewall.ts";
import type { Edits } from "./edits.ts";
import { byKey, transitions, type Transition } from "./ledger.ts";
import type { SavedRuleset } from "./parse.ts";
import { closedChains, planChange } from "./plan.ts";
import { blocksOf, layoutOf, type LayoutOptions } from "./render.ts";
import { chainKey, ruleKey, rulesOf, type ChainRef, type Layout, type Rule, type Scope } from "./rules.ts";

export class Applied {
  readonly scope: Scope;
  readonly #options: LayoutOptions;
  readonly #policies: Map<string, Policy>;
  /** By rule: how many policies need it. */
  readonly #needed = new Map<string, number>();
  /** Chains to which, when we last looked, nothing could be appended; undefined until we have looked. */
  #closed: ReadonlySet<string> | undefined;

  constructor(scope: Scope, options: LayoutOptions, policies: Iterable<Policy> = []) {
    this.scope = scope;
    this.#options = options;
    this.#policies = byKey(policies);
    for (const policy of this.#policies.values()) this.#count(policy, 1);
  }

  get policies(): ReadonlyMap<string, Policy> {
    return this.#policies;
  }

  /** What it takes until `remove` no longer holds and `add` does. */
  transitions(add: ReadonlyMap<string, Policy>, remove: ReadonlyMap<string, Policy>): readonly Transition[] {
    const touched = [...new Set([...remove.keys(), ...add.keys()])];
    const before = touched.flatMap((key) => this.#policies.get(key) ?? []);
    return transitions(byKey(before), add);
  }

  /** How many policies hold after the change. */
  sizeAfter(changed: readonly Transition[]): number {
    const gained = changed.filter(({ before }) => before === undefined).length;
    const lost = changed.filter(({ after }) => after === undefined).length;
    return this.#policies.size + gained - lost;
  }

  /**
   * What the kernel had at a look, `owned` of it ours, before `layout` was made of it. Should somebody put a rule into a chain later, the guard
   * notices, and looks again.
   */
  saw(saved: SavedRuleset, layout: Layout, owned: readonly Rule[] = []): void {
    this.#closed = closedChains(saved, layout, owned);
  }

  /** The edits of a change, the rest being as we know it. */
  plan(changed: readonly Transition[]): Edits {
    const before = changed.flatMap((transition) => transition.before ?? []);
    const after = changed.flatMap((transition) => transition.after ?? []);
    const own = new Map<string, number>();
    for (const key of before.flatMap((policy) => this.#ruleKeys(policy))) own.set(key, (own.get(key) ?? 0) + 1);
    const elsewhere = (key: string): boolean => (this.#needed.get(key) ?? 0) > (own.get(key) ?? 0);
    const options = { ...this.#options, elsewhere };
    const isAllOurs = (chain: ChainRef): boolean => this.#closed?.has(chainKey(chain)) === false;
    return planChange(layoutOf(this.scope, before, options), layoutOf(this.scope, after, options), isAllOurs);
  }

  /** All that shall be there after the change. */
  layout(changed: readonly Transition[] = []): Layout {
    const policies = new Map(this.#policies);
    for (const { key, after } of changed) {
      if (after === undefined) policies.delete(key);
      else policies.set(key, after);
    }
    return layoutOf(this.scope, policies.values(), this.#options);
  }

  /** The change was carried out. */
  accept(changed: readonly Transition[]): void {
    for (const { key, before, after } of changed) {
      if (before !== undefined) this.#count(before, -1);
      this.#policies.delete(key);
      if (after === undefined) continue;
      this.#count(after, 1);
      this.#policies.set(policyKey(after), after);
    }
  }

  #count(policy: Policy, by: number): void {
    for (const key of this.#ruleKeys(policy)) {
      const count = (this.#needed.get(key) ?? 0) + by;
      if (count === 0) this.#needed.delete(key);
      else this.#needed.set(key, count);
    }
  }

  #ruleKeys(policy: Policy): readonly string[] {
    return blocksOf(policy, this.#options.dialect).flatMap(rulesOf).map(ruleKey);
  }
}

/** The change that takes another back. */
export function reversed({ key, before, after }: Transition): Transition {
  return { key, ...(after === undefined ? {} : { before: after }), ...(before === undefined ? {} : { after: before }) };
}
