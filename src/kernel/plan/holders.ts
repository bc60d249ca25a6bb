/**
 * What takes what away: a namespace takes all that is in it, a link takes its addresses, neighbours, routes and forwarding
 * entries, a veth also those of its peer, a parent the links that are made on it.
 */
import { HOST, type KernelFact, type LinkFact } from "../facts.ts";
import { factKey, linkKey, namespaceKey, parentKey, sysctlLink } from "./fact-key.ts";

/** Finds the keys of the facts whose end is the end of a fact. */
export class Holders {
  /** From the key of a place where a link stands to the key of the link fact that put it there. */
  readonly #providers = new Map<string, string>();
  /** The same facts are asked about in every pass of a plan. */
  readonly #known = new Map<KernelFact, readonly string[]>();

  constructor(facts: readonly KernelFact[]) {
    for (const fact of facts) {
      if (fact.kind !== "link") continue;
      for (const place of places(fact)) this.#providers.set(place, factKey(fact));
    }
  }

  of(fact: KernelFact): readonly string[] {
    const known = this.#known.get(fact) ?? this.#find(fact);
    this.#known.set(fact, known);
    return known;
  }

  #find(fact: KernelFact): readonly string[] {
    if (fact.kind === "namespace") return [];
    const inside = fact.namespace === HOST ? [] : [namespaceKey(fact.namespace)];
    const link = carrier(fact);
    const provider = link === undefined ? undefined : this.#providers.get(link);
    return provider === undefined ? inside : [...inside, provider];
  }
}

/** Where a link stands under a name: itself, and a veth's peer. */
export function places(fact: LinkFact): readonly string[] {
  const own = linkKey(fact.namespace, fact.name);
  return fact.device.type === "veth" ? [own, linkKey(fact.device.peer.namespace, fact.device.peer.name)] : [own];
}

/** What only one link can have: its names, and a VXLAN its number on a port. */
export function occupies(fact: LinkFact): readonly string[] {
  const { device } = fact;
  if (device.type !== "vxlan") return places(fact);
  return [...places(fact), `vxlan ${device.underlay ?? fact.namespace} ${device.vni} ${device.port}`];
}

/**
 * Whether the link is to leave before its namespace ends: it occupies something outside it, as a VXLAN its number and a macvlan
 * its MAC on the parent, which the end gives free only some time later, for the kernel takes what is in it apart by and by; or
 * it is somebody else's, and goes home.
 */
export function reachesOutside(fact: KernelFact): boolean {
  if (fact.kind !== "link") return false;
  const { device, namespace } = fact;
  switch (device.type) {
    case "moved":
      return true;
    case "vxlan":
      return (device.underlay ?? namespace) !== namespace;
    case "macvlan":
    case "ipvlan":
      return device.parentNamespace !== namespace;
    case "loopback":
    case "bridge":
    case "veth":
    case "vlan":
    case "dummy":
    case "unknown":
      return false;
  }
}

/** Whether a `remove` step surely ends the link: it is ours, not adopted, and no loopback. */
export function isRemovable(fact: KernelFact): boolean {
  if (fact.kind === "namespace") return true;
  return fact.kind === "link" && fact.alias !== undefined && fact.adopt !== true && fact.device.type !== "loopback";
}

/** The place of the link that a fact stands on. */
function carrier(fact: Exclude<KernelFact, { kind: "namespace" }>): string | undefined {
  switch (fact.kind) {
    case "link":
      return parentKey(fact);
    case "sysctl": {
      const link = sysctlLink(fact.key);
      return link === undefined ? undefined : linkKey(fact.namespace, link);
    }
    case "address":
    case "route":
    case "neighbour":
    case "forwarding":
      return linkKey(fact.namespace, fact.link);
  }
}
