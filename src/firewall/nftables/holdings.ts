/**
 * Which elements the policies of one ruleset amount to, kept up to date by differences: the cost of a change is that of what
 * it changes. Elements are counted, since several policies may need one; open ports are joined per container and protocol.
 */
import { formatAddress } from "../../addr/ip-address.ts";
import type { PortRange } from "../../addr/port-range.ts";
import { policyKey, type Policy } from "../firewall.ts";
import { elementId } from "./element-id.ts";
import { contributionOf, openElement, type Contribution, type OpenPorts, type PlacedElement } from "./render.ts";

export interface ElementChange {
  readonly added: readonly PlacedElement[];
  readonly removed: readonly PlacedElement[];
}

export class Holdings {
  readonly #policies = new Map<string, Policy>();
  readonly #counts = new Map<string, { readonly placed: PlacedElement; count: number }>();
  /** Ports open at one container and protocol, by the policy that opens them. */
  readonly #open = new Map<string, Map<string, OpenPorts>>();

  /** The policy of that key, if it holds. */
  get(key: string): Policy | undefined {
    return this.#policies.get(key);
  }

  /** Every element, each once. */
  elements(): readonly PlacedElement[] {
    return [...this.#counts.values()].map(({ placed }) => placed);
  }

  /** Takes the keys out and the policies in; returns the elements that come and go by it. */
  change(remove: Iterable<string>, add: Iterable<Policy>): ElementChange {
    const before = new Map<string, PlacedElement | undefined>();
    const groups = new Map<string, readonly PlacedElement[]>();
    const count = (placed: PlacedElement, by: 1 | -1): void => this.#count(placed, by, before);
    const replace = (key: string, policy: Policy | undefined): void => {
      const old = this.#policies.get(key);
      for (const [one, by] of [
        [old, -1],
        [policy, 1],
      ] as const) {
        if (one === undefined) continue;
        const contribution = contributionOf(one);
        for (const placed of contribution.elements) count(placed, by);
        this.#openPorts(key, contribution, by === 1, groups);
      }
      if (policy === undefined) this.#policies.delete(key);
      else this.#policies.set(key, policy);
    };
    for (const key of remove) replace(key, undefined);
    for (const policy of add) replace(policyKey(policy), policy);
    for (const [group, old] of groups) {
      for (const placed of old) count(placed, -1);
      for (const placed of joined(this.#open.get(group))) count(placed, 1);
    }
    return this.#difference(before);
  }

  #count(placed: PlacedElement, by: 1 | -1, before: Map<string, PlacedElement | undefined>): void {
    const id = elementId(placed);
    const entry = this.#counts.get(id);
    if (!before.has(id)) before.set(id, entry?.placed);
    if (entry === undefined) this.#counts.set(id, { placed, count: by });
    else entry.count += by;
    if (this.#counts.get(id)?.count === 0) this.#counts.delete(id);
  }

  /** `groups` remembers what each group that changes was before. */
  #openPorts(
    key: string,
    { open }: Contribution,
    isAdded: boolean,
    groups: Map<string, readonly PlacedElement[]>,
  ): void {
    if (open === undefined) return;
    const group = `${formatAddress(open.address)} ${open.protocol}`;
    const members = this.#open.get(group) ?? new Map<string, OpenPorts>();
    if (!groups.has(group)) groups.set(group, joined(members));
    if (isAdded) members.set(key, open);
    else members.delete(key);
    if (members.size > 0) this.#open.set(group, members);
    else this.#open.delete(group);
  }

  #difference(before: ReadonlyMap<string, PlacedElement | undefined>): ElementChange {
    const added: PlacedElement[] = [];
    const removed: PlacedElement[] = [];
    for (const [id, old] of before) {
      const now = this.#counts.get(id)?.placed;
      if (old === undefined && now !== undefined) added.push(now);
      if (old !== undefined && now === undefined) removed.push(old);
    }
    return { added, removed };
  }
}

/** The elements for all ports of one group: ranges that overlap become one. */
function joined(members: ReadonlyMap<string, OpenPorts> | undefined): readonly PlacedElement[] {
  const sorted = [...(members?.values() ?? [])].sort((a, b) => a.ports.first - b.ports.first);
  const [sample] = sorted;
  if (sample === undefined) return [];
  const ranges: PortRange[] = [];
  for (const { ports } of sorted) {
    const last = ranges.at(-1);
    if (last === undefined || ports.first > last.last) ranges.push(ports);
    else ranges[ranges.length - 1] = { first: last.first, last: Math.max(last.last, ports.last) };
  }
  return ranges.map((ports) => openElement({ ...sample, ports }));
}
