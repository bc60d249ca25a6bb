/** Identity and order of facts: the place each occupies, and when it can be made to hold. */
import { formatAddress } from "../../addr/ip-address.ts";
import { formatMac } from "../../addr/mac-address.ts";
import { formatPrefix, networkOf } from "../../addr/prefix.ts";
import type { KernelFact, LinkFact, NamespaceRef } from "../facts.ts";

/** Facts do not change, and drivers give the same ones again and again: each key is put together once. */
const known = new WeakMap<KernelFact, string>();

/** Two facts with one key are two opinions of one thing. */
export function factKey(fact: KernelFact): string {
  const remembered = known.get(fact);
  if (remembered !== undefined) return remembered;
  const key = describePlace(fact);
  known.set(fact, key);
  return key;
}

function describePlace(fact: KernelFact): string {
  switch (fact.kind) {
    case "namespace":
      return namespaceKey(fact.path);
    case "link":
      return linkKey(fact.namespace, fact.name);
    case "address":
      return `address ${fact.namespace} ${fact.link} ${formatPrefix(fact.address)}`;
    case "route":
      return `route ${fact.namespace} ${formatPrefix(networkOf(fact.destination))}`;
    case "neighbour":
      return `neighbour ${fact.namespace} ${fact.link} ${formatAddress(fact.address)}`;
    case "forwarding":
      return `forwarding ${fact.namespace} ${fact.link} ${forwardingPlace(fact)}`;
    case "sysctl":
      return `sysctl ${fact.namespace} ${fact.key}`;
  }
}

export function namespaceKey(path: NamespaceRef): string {
  return `namespace ${path}`;
}

export function linkKey(namespace: NamespaceRef, name: string): string {
  return `link ${namespace} ${name}`;
}

/** A MAC leads to one destination; the all-zero MAC to a list of them, each a place of its own. */
function forwardingPlace({ mac, destination }: Extract<KernelFact, { kind: "forwarding" }>): string {
  return mac.mac === 0n ? `${formatMac(mac)} ${formatAddress(destination)}` : formatMac(mac);
}

/** The namespace that a fact is in; undefined for a namespace itself. */
export function namespaceOf(fact: KernelFact): NamespaceRef | undefined {
  return fact.kind === "namespace" ? undefined : fact.namespace;
}

/** The interface that a sysctl belongs to, by the directory it is in; undefined for all others. */
export function sysctlLink(key: string): string | undefined {
  const name = /^net\/ipv[46]\/(?:conf|neigh)\/([^/]+)\//.exec(key)?.[1];
  return name === "all" || name === "default" ? undefined : name;
}

/** The facts sorted so that each comes after what it needs; facts that do not need each other keep their order. */
export function inOrder(facts: readonly KernelFact[]): readonly KernelFact[] {
  const depths = linkDepths(facts);
  const ranked = facts.map((fact) => ({ fact, rank: rank(fact, depths) }));
  return ranked.sort((one, other) => one.rank - other.rank).map(({ fact }) => fact);
}

/** More than links can be stacked in earnest. */
const MAX_DEPTH = 100;

function rank(fact: KernelFact, depths: ReadonlyMap<string, number>): number {
  const afterLinks = MAX_DEPTH + 10;
  switch (fact.kind) {
    case "namespace":
      return 0;
    case "sysctl":
      return sysctlLink(fact.key) === undefined ? 1 : afterLinks;
    case "link":
      return 2 + (depths.get(factKey(fact)) ?? 0);
    case "address":
      return afterLinks + 1;
    case "neighbour":
    case "forwarding":
      return afterLinks + 2;
    case "route":
      return afterLinks + (fact.gateway === undefined ? 3 : 4);
  }
}

/** How many links each link stands on: its master, its parent, and theirs. */
function linkDepths(facts: readonly KernelFact[]): ReadonlyMap<string, number> {
  const links = new Map(facts.filter((fact) => fact.kind === "link").map((link) => [factKey(link), link]));
  const depths = new Map<string, number>();
  const depthOf = (key: string, budget: number): number => {
    const link = links.get(key);
    const known = depths.get(key);
    if (link === undefined || known !== undefined || budget === 0) return known ?? 0;
    const depth = Math.max(
      0,
      ...foundations(link).map((below) => (links.has(below) ? 1 + depthOf(below, budget - 1) : 0)),
    );
    depths.set(key, depth);
    return depth;
  };
  for (const key of links.keys()) depthOf(key, MAX_DEPTH);
  return depths;
}

/** Keys of the links that a link needs. */
function foundations(link: LinkFact): readonly string[] {
  const { namespace, master } = link;
  const parent = parentKey(link);
  return [...(master === undefined ? [] : [linkKey(namespace, master)]), ...(parent === undefined ? [] : [parent])];
}

/** Key of the link that a link is made on and ends with; undefined for those that stand alone. */
export function parentKey({ namespace, device }: LinkFact): string | undefined {
  if (device.type === "vlan") return linkKey(namespace, device.parent);
  if (device.type !== "macvlan" && device.type !== "ipvlan") return undefined;
  return linkKey(device.parentNamespace, device.parent);
}
