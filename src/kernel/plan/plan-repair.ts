/**
 * The steps from what the kernel has to what it should have. Pure. The same plan starts the daemon and repairs
 * drift: nothing that holds is touched, and of what is too much only links that carry our mark, entries on links that get
 * theirs from us alone, and namespaces in our directory.
 */
import { sameAddress } from "../../addr/ip-address.ts";
import { sameMac } from "../../addr/mac-address.ts";
import { networkOf, samePrefix } from "../../addr/prefix.ts";
import {
  HOST,
  isGivenAway,
  isLeftAlone,
  MARK,
  type Device,
  type KernelFact,
  type LinkFact,
  type NamespaceRef,
} from "../facts.ts";
import type { Observation, ObservedLink, ObservedRoute } from "../observation.ts";
import type { Step } from "../step.ts";
import { SeenEntries, surplusEntries } from "./entries.ts";
import { factKey, inOrder, linkKey, namespaceKey } from "./fact-key.ts";
import { Holders, places } from "./holders.ts";
import { sameVxlan } from "./same-vxlan.ts";

/** Which sysctls to observe in a namespace, so that a repair can tell whether they hold. */
export function sysctlKeys(facts: readonly KernelFact[], namespace: NamespaceRef): readonly string[] {
  return facts.flatMap((fact) => (fact.kind === "sysctl" && fact.namespace === namespace ? [fact.key] : []));
}

/**
 * `observed` has one observation for each namespace that exists and was looked at; a desired namespace without one is taken
 * to be missing. Facts in a namespace that is neither desired nor observed are left alone. Observed namespaces directly in
 * `ownedNamespaceDirectory` that nobody desires are removed. Empty when all holds.
 */
export function planRepair(
  desired: readonly KernelFact[],
  observed: readonly Observation[],
  ownedNamespaceDirectory?: string,
): Step[] {
  const wanted = new Map(desired.map((fact) => [factKey(fact), fact]));
  const actual = new Map(observed.map((observation) => [observation.namespace, observation]));
  const entries = new Map(observed.map((observation) => [observation.namespace, new SeenEntries(observation)]));
  const facts = [...wanted.values()];
  const missing = missingOf(facts, { wanted, actual, entries });
  return [
    ...surplusLinks(facts, observed),
    ...ensures(facts, missing),
    ...observed.flatMap((each) => surplusEntries(facts, each, (link) => missing.has(factKey(link)))),
    ...surplusNamespaces(wanted, observed, ownedNamespaceDirectory),
  ];
}

/** Keys of what does not hold, and of what goes when that is made anew. */
function missingOf(facts: readonly KernelFact[], comparison: Comparison): ReadonlySet<string> {
  const absent = facts.filter((fact) => !holds(fact, comparison));
  const missing = new Set(absent.map(factKey));
  if (!absent.some(({ kind }) => kind === "link" || kind === "namespace")) return missing;
  const holders = new Holders(facts);
  for (let size = -1; size !== missing.size;) {
    size = missing.size;
    for (const fact of facts) if (holders.of(fact).some((holder) => missing.has(holder))) missing.add(factKey(fact));
  }
  return missing;
}

function ensures(facts: readonly KernelFact[], missing: ReadonlySet<string>): readonly Step[] {
  if (missing.size === 0) return [];
  const broken = facts.filter((fact) => missing.has(factKey(fact)));
  return inOrder(broken).map((fact) => ({ action: "ensure", fact }));
}

interface Comparison {
  readonly wanted: ReadonlyMap<string, KernelFact>;
  readonly actual: ReadonlyMap<NamespaceRef, Observation>;
  readonly entries: ReadonlyMap<NamespaceRef, SeenEntries>;
}

function holds(fact: KernelFact, comparison: Comparison): boolean {
  const { wanted, actual, entries } = comparison;
  if (fact.kind === "namespace") return actual.has(fact.path);
  const observation = actual.get(fact.namespace);
  if (observation === undefined) return !wanted.has(namespaceKey(fact.namespace));
  switch (fact.kind) {
    case "link":
      return linkHolds(fact, observation, comparison);
    case "address":
      return observation.addresses.some((seen) => seen.link === fact.link && samePrefix(seen.address, fact.address));
    case "route":
      return observation.routes.some((seen) => isRoute(seen, fact));
    case "neighbour":
      return entries.get(fact.namespace)?.hasNeighbour(fact) === true;
    case "forwarding":
      return entries.get(fact.namespace)?.hasForwarding(fact) === true;
    case "sysctl":
      return words(observation.sysctls[fact.key]) === words(fact.value);
  }
}

/** The kernel separates a sysctl's several values by tabs, people by spaces. */
function words(value: string | undefined): string | undefined {
  return value?.trim().replaceAll(/\s+/g, " ");
}

function isRoute(seen: ObservedRoute, fact: Extract<KernelFact, { kind: "route" }>): boolean {
  if (seen.link !== fact.link || !samePrefix(seen.destination, networkOf(fact.destination))) return false;
  if (seen.gateway === undefined || fact.gateway === undefined) return seen.gateway === fact.gateway;
  return sameAddress(seen.gateway, fact.gateway);
}

function linkHolds(fact: LinkFact, observation: Observation, comparison: Comparison): boolean {
  const seen = observation.links.find((link) => link.name === fact.name);
  if (seen === undefined ? isGivenAway(fact) : isLeftAlone(fact, seen.alias)) return true;
  if (seen === undefined || (fact.device.type !== "moved" && seen.type !== kindOf(fact.device))) return false;
  const aliasHolds = fact.alias === undefined || fact.adopt === true || fact.alias === seen.alias;
  const masterHolds = fact.master === undefined || fact.master === seen.master;
  const hairpinHolds = fact.hairpin === undefined || fact.hairpin === seen.hairpin;
  if (fact.device.type === "vxlan" && (seen.vxlan === undefined || !sameVxlan(fact.device, fact.namespace, seen.vxlan)))
    return false;
  return (
    attributesHold(wantedOf(fact, seen), seen) &&
    aliasHolds &&
    masterHolds &&
    hairpinHolds &&
    peerHolds(fact, comparison)
  );
}

/** An adopted link that somebody else made keeps its MAC. */
function wantedOf({ mac, ...rest }: LinkFact, seen: ObservedLink): Attributes {
  const isTheirs = rest.adopt === true && seen.alias?.startsWith(MARK) !== true;
  return mac === undefined || isTheirs ? rest : { ...rest, mac };
}

type Attributes = Pick<LinkFact, "mac" | "mtu" | "up">;

function attributesHold(wanted: Attributes, seen: ObservedLink): boolean {
  const macHolds = wanted.mac === undefined || (seen.mac !== undefined && sameMac(wanted.mac, seen.mac));
  return macHolds && (wanted.mtu === undefined || wanted.mtu === seen.mtu) && wanted.up === seen.up;
}

/** A veth's peer is looked at where its namespace was; it is missing where that is. */
function peerHolds({ device }: LinkFact, { wanted, actual }: Comparison): boolean {
  if (device.type !== "veth" || device.peer.givenAway === true) return true;
  const observation = actual.get(device.peer.namespace);
  if (observation === undefined) return !wanted.has(namespaceKey(device.peer.namespace));
  const seen = observation.links.find((link) => link.name === device.peer.name);
  return seen !== undefined && seen.type === "veth" && attributesHold(device.peer, seen);
}

/** IFLA_INFO_KIND of the device; one that was moved in may be of any kind. */
function kindOf(device: Exclude<Device, { type: "moved" }>): string {
  if (device.type === "unknown") return device.kind;
  return device.type === "loopback" ? "" : device.type;
}

/** Links with our mark at a place that no desired link has. */
function surplusLinks(wanted: readonly KernelFact[], observed: readonly Observation[]): readonly Step[] {
  const desired = new Set(wanted.flatMap((fact) => (fact.kind === "link" ? places(fact) : [])));
  return observed.flatMap(({ namespace, links }) =>
    links
      .filter((link) => link.alias?.startsWith(MARK) === true && !desired.has(linkKey(namespace, link.name)))
      .map((link): Step => ({ action: "remove", fact: asFound(namespace, link) })),
  );
}

function asFound(namespace: NamespaceRef, link: ObservedLink): LinkFact {
  const { name, type, up, alias } = link;
  const device = { type: "unknown", kind: type } as const;
  return { kind: "link", namespace, name, device, up, ...(alias === undefined ? {} : { alias }) };
}

function surplusNamespaces(
  wanted: ReadonlyMap<string, KernelFact>,
  observed: readonly Observation[],
  directory: string | undefined,
): readonly Step[] {
  if (directory === undefined) return [];
  const prefix = `${directory.replace(/\/+$/, "")}/`;
  return observed
    .filter(({ namespace }) => namespace !== HOST && !wanted.has(namespaceKey(namespace)))
    .filter(({ namespace }) => namespace.startsWith(prefix) && !namespace.slice(prefix.length).includes("/"))
    .map(({ namespace }): Step => ({ action: "remove", fact: { kind: "namespace", path: namespace } }));
}
