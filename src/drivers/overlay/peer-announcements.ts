/**
 * What containers of this host have to be told when peers change. A container that spoke to an address keeps the station in
 * its own memory, which no table of ours reaches; when the address is another station's from now on, its bridge says so on
 * the peer's behalf. Pure.
 */
import type { KernelFact, NeighbourFact, NamespaceRef } from "../../kernel/facts.ts";
import type { Announcement } from "../../kernel/kernel.ts";

export interface PeerAnnouncements {
  /** The network's, on this host. */
  readonly namespace: NamespaceRef;
  readonly announcements: readonly Announcement[];
}

/**
 * From a network's facts before and after a change: what to announce once the kernel has those after. Undefined when nothing.
 * Facts that both have are told by identity, so that one peer among ten thousand costs little.
 */
export function peerAnnouncements(
  before: readonly KernelFact[],
  after: readonly KernelFact[],
): PeerAnnouncements | undefined {
  // Whoever is new here has no memories.
  const [first] = after;
  if (before.length === 0 || first?.kind !== "namespace") return undefined;
  const old = new Set(before);
  const bridges = new Map<string, string>();
  for (const fact of after) if (fact.kind === "link" && fact.master !== undefined) bridges.set(fact.name, fact.master);
  const fresh = after.filter((fact): fact is NeighbourFact => fact.kind === "neighbour" && !old.has(fact));
  if (fresh.length === 0) return undefined;
  const told = new Set(before.flatMap((fact) => (fact.kind === "neighbour" ? saying(fact) : [])));
  const announcements = fresh.flatMap((fact): Announcement[] => {
    const link = bridges.get(fact.link);
    return link === undefined || told.has(saying(fact)) ? [] : [{ link, mac: fact.mac, addresses: [fact.address] }];
  });
  return announcements.length === 0 ? undefined : { namespace: first.path, announcements };
}

function saying({ link, address, mac }: NeighbourFact): string {
  return `${link} ${address.family} ${address.value} ${mac.mac}`;
}
