/**
 * Entries of neighbour and forwarding tables, of which a network that spans hosts has one or more per container anywhere: found
 * by place in one step each, so that ten thousand are compared quickly, and those that are too much on links of ours.
 */
import { sameAddress, type IpAddress } from "../../addr/ip-address.ts";
import { sameMac, type MacAddress } from "../../addr/mac-address.ts";
import { HOST, type ForwardingFact, type KernelFact, type LinkFact, type NeighbourFact } from "../facts.ts";
import type { Observation, ObservedForwarding, ObservedNeighbour } from "../observation.ts";
import type { Step } from "../step.ts";

type Entry = ObservedNeighbour | ObservedForwarding;

/** Link to place to entry; the all-zero MAC, which leads to a list, has its last entry in here. */
type Table<T> = ReadonlyMap<string, ReadonlyMap<bigint, T>>;

/** One namespace's entries. */
export class SeenEntries {
  readonly #observation: Observation;
  readonly #neighbours: Table<ObservedNeighbour>;
  readonly #forwarding: Table<ObservedForwarding>;

  constructor(observation: Observation) {
    this.#observation = observation;
    this.#neighbours = tableOf(observation.neighbours, ({ address }) => addressPlace(address));
    this.#forwarding = tableOf(observation.forwarding, ({ mac }) => mac.mac);
  }

  hasNeighbour({ link, address, mac }: NeighbourFact): boolean {
    const seen = this.#neighbours.get(link)?.get(addressPlace(address));
    return seen !== undefined && seen.permanent && sameMac(seen.mac, mac);
  }

  hasForwarding({ link, mac, destination }: ForwardingFact): boolean {
    const isIt = (seen: ObservedForwarding): boolean => seen.permanent && sameAddress(seen.destination, destination);
    if (mac.mac !== 0n) {
      const seen = this.#forwarding.get(link)?.get(mac.mac);
      return seen !== undefined && isIt(seen);
    }
    return this.#observation.forwarding.some((seen) => seen.link === link && sameMac(seen.mac, mac) && isIt(seen));
  }
}

function tableOf<T extends Entry>(entries: readonly T[], placeOf: (entry: T) => bigint): Table<T> {
  const table = new Map<string, Map<bigint, T>>();
  for (const entry of entries) {
    const ofLink = table.get(entry.link) ?? new Map<bigint, T>();
    ofLink.set(placeOf(entry), entry);
    table.set(entry.link, ofLink);
  }
  return table;
}

/** One number for addresses of both families. */
function addressPlace({ family, value }: IpAddress): bigint {
  return family === 4 ? value : value | (1n << 128n);
}

/**
 * Removals of entries that nobody desires, on desired links that are ours and get entries from nobody but us: VXLANs that do not
 * learn, and what is permanent on bridges inside namespaces of ours. `isSpared` names links that are about to be made anew.
 */
export function surplusEntries(
  wanted: readonly KernelFact[],
  { namespace, neighbours, forwarding }: Observation,
  isSpared: (link: LinkFact) => boolean,
): readonly Step[] {
  const links = new Map<string, WantedEntries>();
  for (const fact of wanted) {
    if (fact.kind === "link" && fact.namespace === namespace && isOursAlone(fact) && !isSpared(fact))
      links.set(fact.name, new WantedEntries(fact.device.type === "vxlan"));
  }
  if (links.size === 0) return [];
  for (const fact of wanted) {
    if (fact.kind !== "neighbour" && fact.kind !== "forwarding") continue;
    if (fact.namespace === namespace) links.get(fact.link)?.add(fact);
  }
  const surplus: KernelFact[] = [
    ...neighbours.flatMap(({ link, address, mac, permanent }): NeighbourFact[] =>
      links.get(link)?.isSurplusNeighbour(address, permanent) === true
        ? [{ kind: "neighbour", namespace, link, address, mac }]
        : [],
    ),
    ...forwarding.flatMap(({ link, mac, destination }): ForwardingFact[] =>
      links.get(link)?.isSurplusForwarding(mac, destination) === true
        ? [{ kind: "forwarding", namespace, link, mac, destination }]
        : [],
    ),
  ];
  return surplus.map((fact) => ({ action: "remove", fact }));
}

function isOursAlone({ namespace, device, alias, adopt }: LinkFact): boolean {
  if (alias === undefined || adopt === true) return false;
  return device.type === "vxlan" ? !device.learning : device.type === "bridge" && namespace !== HOST;
}

/** What one link shall have. */
class WantedEntries {
  readonly #addresses = new Set<bigint>();
  readonly #stations = new Set<bigint>();
  /** Of the all-zero MAC. */
  readonly #flooded: IpAddress[] = [];
  /** Nobody else, the kernel included, makes entries on the link; else permanent ones alone are ours. */
  readonly #isClosed: boolean;

  constructor(isClosed: boolean) {
    this.#isClosed = isClosed;
  }

  add(fact: NeighbourFact | ForwardingFact): void {
    if (fact.kind === "neighbour") this.#addresses.add(addressPlace(fact.address));
    else if (fact.mac.mac === 0n) this.#flooded.push(fact.destination);
    else this.#stations.add(fact.mac.mac);
  }

  isSurplusNeighbour(address: IpAddress, permanent: boolean): boolean {
    return (permanent || this.#isClosed) && !this.#addresses.has(addressPlace(address));
  }

  isSurplusForwarding({ mac }: MacAddress, destination: IpAddress): boolean {
    if (!this.#isClosed) return false;
    if (mac === 0n) return !this.#flooded.some((wanted) => sameAddress(wanted, destination));
    return !this.#stations.has(mac);
  }
}
