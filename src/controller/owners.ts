/**
 * Who wants what of the kernel: networks and sandboxes that settled, each with the facts that shall hold for it. What is
 * underway has a plan of its own and is left out. Pure over the registry.
 */
import type { KernelFact, NamespaceRef } from "../kernel/facts.ts";
import { joinsOf, networkState, sandboxState } from "./desired.ts";
import { lentEndpoints, lentState } from "./lent/lent-state.ts";
import { isShared } from "./shared/shared-record.ts";
import { lentKey, networkKey, sandboxKey, type World } from "./world.ts";

export interface Owner {
  readonly lock: string;
  readonly facts: readonly KernelFact[];
}

/** Ids in `unread` belong to records that could not be understood, whose facts nobody knows. */
export function owners(world: World, unread: ReadonlySet<string>): readonly Owner[] {
  const { registry } = world;
  return [
    ...registry.networks().flatMap(({ intent }) => ownerOf(world, networkKey(intent.id), unread) ?? []),
    ...registry.sandboxes().flatMap(({ intent }) => ownerOf(world, sandboxKey(intent.id), unread) ?? []),
    ...lentEndpoints(registry).flatMap(({ intent }) => ownerOf(world, lentKey(intent.id), unread) ?? []),
  ];
}

/** The owner behind a lock, as it is now. */
export function ownerOf(world: World, lock: string, unread: ReadonlySet<string>): Owner | undefined {
  const id = lock.split(" ")[1] ?? "";
  if (unread.has(id)) return undefined;
  const factsOf = lock === networkKey(id) ? networkFacts : lock === lentKey(id) ? lentFacts : sandboxFacts;
  const facts = factsOf(world, id);
  return facts === undefined ? undefined : { lock, facts };
}

/** A shared network wants what was applied last: where its members want more, that is on its way. */
function networkFacts(world: World, id: string): readonly KernelFact[] | undefined {
  const entry = world.registry.network(id);
  if (entry?.phase !== "live") return undefined;
  if (isShared(world, entry.intent)) return world.followed.get(id)?.state.facts;
  return networkState(world, entry.intent).facts;
}

function sandboxFacts(world: World, id: string): readonly KernelFact[] | undefined {
  const entry = world.registry.sandbox(id);
  const settled = world.registry.endpointsOfSandbox(id).every(({ phase }) => phase === "live");
  if (entry?.phase !== "live" || !settled) return undefined;
  return sandboxState(world, entry.intent, joinsOf(world, id)).facts;
}

function lentFacts(world: World, id: string): readonly KernelFact[] | undefined {
  const entry = world.registry.endpoint(id);
  return entry?.phase === "live" && entry.intent.lent !== undefined ? lentState(world, entry.intent).facts : undefined;
}

/** Namespaces that networks have of their own. */
export function networkNamespaces(all: readonly Owner[]): ReadonlySet<NamespaceRef> {
  const networks = all.filter(({ lock }) => lock === networkKey(lock.split(" ")[1] ?? ""));
  return new Set(
    networks.flatMap(({ facts }) => facts.flatMap((fact) => (fact.kind === "namespace" ? [fact.path] : []))),
  );
}
