/**
 * Repair while we run: whenever the kernel says that something moved in the host's namespace or in a network's own, and now and
 * then without being told, look and put back what is ours: a deleted docker0 address, a bridge that is gone, a forwarding entry
 * that somebody took away or added. It is the start-up plan, over the owners that differ and under their locks, so it never
 * meets a change that is underway. What is not ours is never touched; each repair is logged with what was found, and counted.
 */
import { messageOf } from "../base/errors.ts";
import { HOST, type KernelFact, type NamespaceRef } from "../kernel/facts.ts";
import { KernelError } from "../kernel/kernel-error.ts";
import type { Observation } from "../kernel/observation.ts";
import { factKey, linkKey, planRepair } from "../kernel/plan.ts";
import type { Step } from "../kernel/step.ts";
import { describeStep, homeOf, namespacesOf } from "./describe-fact.ts";
import { namespaceDirectory } from "./desired.ts";
import { NamespaceWatches } from "./namespace-watches.ts";
import { networkNamespaces, ownerOf, owners, type Owner } from "./owners.ts";
import { observe } from "./start.ts";
import { markedId } from "./sweep.ts";
import type { World } from "./world.ts";

/** From the kernel's word to the look. A look costs more the more there is, and shall not take more than its share. */
const MIN_DELAY_MS = 200;
const MAX_DELAY_MS = 700;
const LOOK_SHARE = 10;
/** Without being told: what the kernel does not announce, or announced while nobody listened. */
const IDLE_INTERVAL_MS = 30_000;
/** Of a repair's steps; a log line shall be read by somebody. */
const MOST_TOLD = 20;

/** Nothing has the name, or what has it is no namespace: dockerd leaves the files of its own for a while. */
const NO_NAMESPACE: readonly string[] = ["ENOENT", "EINVAL"];

export class Reconciler implements AsyncDisposable {
  readonly #world: World;
  readonly #unread: ReadonlySet<string>;
  readonly #watches: NamespaceWatches;
  /** Where something moved since the last look. */
  readonly #moved = new Set<NamespaceRef>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #lastLookMs = 0;
  #lastFullLook = performance.now();
  /** In a row; a repair that keeps failing is tried less and less often. */
  #failures = 0;
  #closed = false;

  constructor(world: World, unread: ReadonlySet<string>) {
    this.#world = world;
    this.#unread = unread;
    this.#watches = new NamespaceWatches(world, namespaceDirectory(world.runDirectory), (where) => this.#poke(where));
  }

  /** Starts listening and the idle timer. */
  async open(): Promise<void> {
    await this.#watches.open();
    await this.#watches.follow(networkNamespaces(this.#owners()));
    this.#schedule(IDLE_INTERVAL_MS);
  }

  /** Looks everywhere and repairs once, now; answers how many steps it took. Errors are the caller's. */
  repair(): Promise<number> {
    return this.#look(() => true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
    await this.#watches[Symbol.asyncDispose]();
  }

  /** Many things move at once, mostly by our own hand: one look a little later sees them all. */
  #poke(where: NamespaceRef): void {
    const isFirst = this.#moved.size === 0;
    this.#moved.add(where);
    if (!this.#closed && isFirst && this.#running === undefined) this.#schedule(this.#delayMs());
  }

  #delayMs(): number {
    if (this.#failures > 0) return Math.min(IDLE_INTERVAL_MS, MIN_DELAY_MS * 2 ** (this.#failures - 1));
    return Math.min(MAX_DELAY_MS, Math.max(MIN_DELAY_MS, this.#lastLookMs * LOOK_SHARE));
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#run(), delayMs).unref();
  }

  async #run(): Promise<void> {
    const moved = new Set(this.#moved);
    this.#moved.clear();
    const started = performance.now();
    const isDue = moved.size === 0 || started - this.#lastFullLook >= IDLE_INTERVAL_MS;
    if (isDue) this.#lastFullLook = started;
    this.#running = this.#look((where) => isDue || moved.has(where)).then(
      () => void (this.#failures = 0),
      (cause: unknown) => {
        this.#failures++;
        for (const where of moved) this.#moved.add(where);
        this.#world.log.error({ err: cause }, `repair failed: ${messageOf(cause)}`);
      },
    );
    await this.#running;
    this.#running = undefined;
    this.#lastLookMs = performance.now() - started;
    if (!this.#closed) this.#schedule(this.#moved.size > 0 ? this.#delayMs() : IDLE_INTERVAL_MS);
  }

  #owners(): readonly Owner[] {
    return owners(this.#world, this.#unread);
  }

  /** `concerns`: which of the places are looked at, of the host's namespace and the networks' own. */
  async #look(concerns: (where: NamespaceRef) => boolean): Promise<number> {
    const all = this.#owners();
    const homes = networkNamespaces(all);
    await this.#watches.follow(homes);
    const places = new Set([HOST, ...homes].filter(concerns));
    const facts = all.flatMap((owner) => owner.facts).filter((fact) => places.has(homeOf(fact)));
    const seen = await this.#observeAll(places, facts);
    const swept = await this.#sweep(seen);
    const suspects = differing(all, facts, seen);
    return swept + (suspects.length === 0 ? 0 : await this.#repairOwners(suspects));
  }

  /** Under the owners' locks: look again, also into the namespaces that would be entered, plan, apply. */
  async #repairOwners(suspects: readonly Owner[]): Promise<number> {
    const locks = suspects.map(({ lock }) => lock);
    return this.#world.locks.run(locks, async () => {
      const settled = locks.flatMap((lock) => ownerOf(this.#world, lock, this.#unread) ?? []);
      const facts = settled.flatMap((owner) => owner.facts);
      const inside = await this.#observeAll(new Set([HOST, ...facts.flatMap(namespacesOf)]), facts);
      // A sandbox whose namespace is gone is beyond repair, and its owner will remove it; a network's is made again.
      const reachable = new Set([...inside.map(({ namespace }) => namespace), ...networkNamespaces(settled)]);
      const visible = facts.filter((fact) => namespacesOf(fact).every((namespace) => reachable.has(namespace)));
      return this.#apply(planRepair(visible, inside).filter(isOwners));
    });
  }

  /** Namespaces that are not there are left out. */
  async #observeAll(places: ReadonlySet<NamespaceRef>, facts: readonly KernelFact[]): Promise<readonly Observation[]> {
    const looked = [...places].map((place) =>
      observe(this.#world, place, facts).catch((cause: unknown) => {
        if (place === HOST || !(cause instanceof KernelError && NO_NAMESPACE.includes(cause.code))) throw cause;
        return undefined;
      }),
    );
    return (await Promise.all(looked)).filter((observation) => observation !== undefined);
  }

  /** Links with our mark whose owner nobody knows. Seen twice, for the first may have been on its way out. */
  async #sweep(seen: readonly Observation[]): Promise<number> {
    const suspect = seen.filter((observation) => this.#strays(observation).length > 0);
    if (suspect.length === 0) return 0;
    const again = await this.#observeAll(new Set(suspect.map(({ namespace }) => namespace)), []);
    const strays = again.map((observation) => ({ ...observation, links: this.#strays(observation) }));
    return this.#apply(planRepair([], strays).filter(({ action }) => action === "remove"));
  }

  #strays({ links }: Observation): Observation["links"] {
    return links.filter(({ alias }) => {
      const id = markedId(alias);
      return id !== undefined && !this.#isSpokenFor(id);
    });
  }

  #isSpokenFor(id: string): boolean {
    const { registry } = this.#world;
    return this.#unread.has(id) || registry.network(id) !== undefined || registry.endpoint(id) !== undefined;
  }

  async #apply(steps: readonly Step[]): Promise<number> {
    if (steps.length === 0) return 0;
    const { log, drift, kernel } = this.#world;
    const told = steps.slice(0, MOST_TOLD).map(describeStep);
    if (steps.length > told.length) told.push(`and ${steps.length - told.length} more`);
    log.warn({ steps: told }, "the kernel differs from what is intended; repairing");
    drift.count(steps);
    await kernel.applyAll(steps);
    return steps.length;
  }
}

/** The owners of whom something is missing, wrong or too much where we looked. */
function differing(
  all: readonly Owner[],
  facts: readonly KernelFact[],
  seen: readonly Observation[],
): readonly Owner[] {
  const wanting = new Set(planRepair(facts, seen).filter(isOwners).map(placeOf));
  return wanting.size === 0 ? [] : all.filter((owner) => owner.facts.some((fact) => wanting.has(factKey(fact))));
}

/** What is too much is its link's, and so its link's owner's. */
function placeOf({ action, fact }: Step): string {
  const isEntry = action === "remove" && (fact.kind === "neighbour" || fact.kind === "forwarding");
  return isEntry ? linkKey(fact.namespace, fact.link) : factKey(fact);
}

/** Other removals are the sweep's, which knows who is underway. */
function isOwners({ action, fact }: Step): boolean {
  return action === "ensure" || fact.kind === "neighbour" || fact.kind === "forwarding";
}
