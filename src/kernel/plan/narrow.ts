/**
 * What of two long lists of facts a plan has to look at: one peer more or less among ten thousand is then planned as quickly as
 * among ten. Drivers help by giving the very same objects for what did not change.
 */
import type { KernelFact } from "../facts.ts";
import { factKey } from "./fact-key.ts";

export interface Sides {
  readonly before: readonly KernelFact[];
  readonly after: readonly KernelFact[];
}

/**
 * Without the facts that both sides have, as the very same objects in the same order, where nothing that differs carries others;
 * a plan of what is left is the plan of the whole.
 */
export function narrow(before: readonly KernelFact[], after: readonly KernelFact[]): Sides {
  const head = commonHead(before, after);
  const tail = commonTail(before, after, head);
  const [one, other] = [before.slice(head, before.length - tail), after.slice(head, after.length - tail)];
  const ofOne = new Set(one);
  const kept = new Set(other.filter((fact) => ofOne.has(fact)));
  if (head + tail + kept.size === 0 || !isSameOrder(one, other, kept)) return { before, after };
  const differing = [...one, ...other].filter((fact) => !kept.has(fact));
  if (differing.some(({ kind }) => kind === "link" || kind === "namespace")) return { before, after };
  // Of several facts with one key the last counts, so whoever shares one with what differs is looked at as well.
  const keys = new Set(differing.map(factKey));
  if (keys.size === 0) return { before: [], after: [] };
  const same = (fact: KernelFact): boolean => keys.has(factKey(fact));
  const matters = (fact: KernelFact): boolean => !kept.has(fact) || same(fact);
  const [first, last] = [before.slice(0, head).filter(same), before.slice(before.length - tail).filter(same)];
  return {
    before: [...first, ...one.filter(matters), ...last],
    after: [...first, ...other.filter(matters), ...last],
  };
}

function commonHead(one: readonly KernelFact[], other: readonly KernelFact[]): number {
  const most = Math.min(one.length, other.length);
  let count = 0;
  while (count < most && one[count] === other[count]) count++;
  return count;
}

/** Not counting what is in the head. */
function commonTail(one: readonly KernelFact[], other: readonly KernelFact[], head: number): number {
  const most = Math.min(one.length, other.length) - head;
  let count = 0;
  while (count < most && one[one.length - 1 - count] === other[other.length - 1 - count]) count++;
  return count;
}

function isSameOrder(one: readonly KernelFact[], other: readonly KernelFact[], kept: ReadonlySet<KernelFact>): boolean {
  const others = other.values().filter((fact) => kept.has(fact));
  return one.every((fact) => !kept.has(fact) || others.next().value === fact);
}
