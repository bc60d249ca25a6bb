/**
 * The steps from one set of facts to another. Pure. New things come before old ones go, so that what both sets have in
 * common never misses what it stands on; only a link that must be made anew, or that is in a new one's place, goes first.
 */
import { isDeepStrictEqual } from "node:util";
import type { Device, KernelFact, LinkFact } from "../facts.ts";
import type { Step } from "../step.ts";
import { factKey, inOrder, linkKey } from "./fact-key.ts";
import { Holders, isRemovable, occupies, reachesOutside } from "./holders.ts";
import { narrow } from "./narrow.ts";

type Facts = ReadonlyMap<string, KernelFact>;

/**
 * Steps that lead from `before` to `after`, in an order in which each can be carried out; empty when they say the same.
 * Sysctls are undone only where they say how, addresses that stay are not removed. What ends with a namespace or link that is
 * removed has no step of its own.
 */
export function planChange(before: readonly KernelFact[], after: readonly KernelFact[]): Step[] {
  const narrowed = narrow(before, after);
  const old = byKey(narrowed.before);
  const wanted = byKey(narrowed.after);
  const remade = new Set([...old.keys()].filter((key) => mustRemake(old.get(key), wanted.get(key))));
  const gone = new Set([...old.keys()].filter((key) => !wanted.has(key) || remade.has(key)));
  const holders = new Holders([...old.values()]);
  const ending = { old, gone, lost: lostWith(old, gone, holders), holders };
  const difference = { old, wanted, lost: ending.lost, holders: new Holders([...wanted.values()]) };
  const ensured = [...wanted.values()].filter((fact) => needsEnsure(fact, difference));
  const removed = removals(ending);
  const first: ReadonlySet<KernelFact> = new Set(blockers(removed, ensured));
  return [
    ...removed.filter((fact) => first.has(fact)).map(remove),
    ...inOrder(ensured).map((fact): Step => ({ action: "ensure", fact })),
    ...undoings(ending),
    ...removed.filter((fact) => !first.has(fact)).map(remove),
  ];
}

function remove(fact: KernelFact): Step {
  return { action: "remove", fact };
}

/** Of several facts with one key the last counts. */
function byKey(facts: readonly KernelFact[]): Facts {
  return new Map(facts.map((fact) => [factKey(fact), fact]));
}

/** Whether the link cannot be changed into the other in place. */
function mustRemake(from: KernelFact | undefined, to: KernelFact | undefined): boolean {
  if (from?.kind !== "link" || to?.kind !== "link" || !isRemovable(from)) return false;
  const leavesMaster = from.master !== undefined && to.master === undefined;
  return leavesMaster || !isDeepStrictEqual(identity(from.device), identity(to.device));
}

/** What only creation can give a device. */
function identity(device: Device): unknown {
  return device.type === "veth" ? { ...device, peer: [device.peer.namespace, device.peer.name] } : device;
}

/** Keys of all that ends when the facts of `gone` do. */
function lostWith(old: Facts, gone: ReadonlySet<string>, holders: Holders): ReadonlySet<string> {
  const lost = new Set([...gone].filter((key) => isDestroyed(old.get(key))));
  if (lost.size === 0) return lost;
  for (let size = -1; size !== lost.size;) {
    size = lost.size;
    for (const [key, fact] of old) if (holders.of(fact).some((holder) => lost.has(holder))) lost.add(key);
  }
  return lost;
}

function isDestroyed(fact: KernelFact | undefined): boolean {
  return fact !== undefined && isRemovable(fact);
}

interface Difference {
  readonly old: Facts;
  readonly wanted: Facts;
  readonly lost: ReadonlySet<string>;
  /** Of the wanted facts. */
  readonly holders: Holders;
}

function needsEnsure(fact: KernelFact, difference: Difference): boolean {
  const key = factKey(fact);
  return isNews(key, difference) || isDisturbed(fact, difference);
}

/** New, different, or lost with what it stood on. */
function isNews(key: string, { old, wanted, lost }: Difference): boolean {
  if (lost.has(key)) return true;
  const [from, to] = [old.get(key), wanted.get(key)];
  return from !== to && !isDeepStrictEqual(from, to);
}

/**
 * Whether what the fact stands on is made or changed: a bridge made anew has lost its ports, a new MAC address flushes the
 * neighbours, a link that goes down its routes.
 */
function isDisturbed(fact: KernelFact, difference: Difference): boolean {
  const master = fact.kind === "link" && fact.master !== undefined ? [linkKey(fact.namespace, fact.master)] : [];
  const remade = master.some((key) => difference.lost.has(key) && difference.wanted.has(key));
  return remade || difference.holders.of(fact).some((key) => isLink(key, difference) && isNews(key, difference));
}

function isLink(key: string, { wanted }: Difference): boolean {
  return wanted.get(key)?.kind === "link";
}

/** What goes, and what goes with it. */
interface Ending {
  readonly old: Facts;
  readonly gone: ReadonlySet<string>;
  readonly lost: ReadonlySet<string>;
  /** Of the old facts. */
  readonly holders: Holders;
}

/** What has to be removed, in the order in which it can be: only what does not end, at once, with something else. */
function removals({ old, gone, lost, holders }: Ending): readonly KernelFact[] {
  const facts = [...gone].flatMap((key) => {
    const fact = old.get(key);
    if (fact === undefined || stays(fact)) return [];
    const vanishes = holders.of(fact).some((holder) => lost.has(holder));
    return vanishes && !reachesOutside(fact) ? [] : [fact];
  });
  return [...inOrder(facts)].reverse();
}

/** Whether the fact is never undone. */
function stays(fact: KernelFact): boolean {
  return fact.kind === "sysctl" || (fact.kind === "address" && fact.stays === true);
}

/** Of sysctls that say how, before an adopted link that we made after all goes. */
function undoings({ old, gone, lost, holders }: Ending): readonly Step[] {
  return [...gone].flatMap((key): Step[] => {
    const fact = old.get(key);
    if (fact?.kind !== "sysctl" || fact.undo === undefined) return [];
    if (holders.of(fact).some((holder) => lost.has(holder))) return [];
    const { undo: value, ...rest } = fact;
    return [{ action: "ensure", fact: { ...rest, value } }];
  });
}

/** Links to be removed that have what a link to be made needs: its name, its peer's, its VXLAN number. */
function blockers(removed: readonly KernelFact[], ensured: readonly KernelFact[]): readonly LinkFact[] {
  const isLinkFact = (fact: KernelFact): fact is LinkFact => fact.kind === "link";
  const needed = new Set(ensured.filter(isLinkFact).flatMap(occupies));
  return removed.filter(isLinkFact).filter((link) => occupies(link).some((place) => needed.has(place)));
}
