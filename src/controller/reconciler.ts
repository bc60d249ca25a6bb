/**
 * Repair while we run: whenever the kernel says that something moved in the host's namespace, and now and then without being
 * told, look and put back what is ours: a deleted docker0 address, a veth set down, a bridge that is gone. It is the start-up
 * plan, over the owners that differ and under their locks, so it never meets a change that is underway. Links that are not
 * ours are never touched; each repair is logged with what was found.
 */
import { messageOf } from "../base/errors.ts";
import { HOST, type KernelFact } from "../kernel/facts.ts";
import type { Observation } from "../kernel/observation.ts";
import { factKey, planRepair } from "../kernel/plan.ts";
import type { Step } from "../kernel/step.ts";
import { describeStep, homeOf, namespacesOf } from "./describe-fact.ts";
import { joinsOf, networkState, sandboxState } from "./desired.ts";
import { observe } from "./start.ts";
import { markedId } from "./sweep.ts";
import { networkKey, sandboxKey, type World } from "./world.ts";

/** From the kernel's word to the look. A look costs more the more there is, and shall not take more than its share. */
const MIN_DELAY_MS = 200;
const MAX_DELAY_MS = 700;
const LOOK_SHARE = 10;
/** Without being told: what the kernel does not announce, or announced while nobody listened. */
const IDLE_INTERVAL_MS = 30_000;

/** A network or sandbox that settled, and what it wants of the kernel. */
interface Owner {
  readonly lock: string;
  readonly facts: readonly KernelFact[];
}

export class Reconciler implements AsyncDisposable {
  readonly #world: World;
  readonly #unread: ReadonlySet<string>;
  #unwatch: (() => Promise<void>) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isPoked = false;
  #lastLookMs = 0;
  /** In a row; a repair that keeps failing is tried less and less often. */
  #failures = 0;
  #closed = false;

  constructor(world: World, unread: ReadonlySet<string>) {
    this.#world = world;
    this.#unread = unread;
  }

  /** Starts listening and the idle timer. */
  async open(): Promise<void> {
    this.#unwatch = await this.#world.kernel.watch(HOST, () => this.#poke());
    this.#schedule(IDLE_INTERVAL_MS);
  }

  /** Looks and repairs once, now; answers how many steps it took. Errors are the caller's. */
  async repair(): Promise<number> {
    const owners = this.#owners();
    const host = await observe(
      this.#world,
      HOST,
      owners.flatMap((owner) => owner.facts),
    );
    const swept = await this.#sweep(host);
    const suspects = differing(owners, host);
    return swept + (suspects.length === 0 ? 0 : await this.#repairOwners(suspects));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#unwatch?.();
    await this.#running;
  }

  /** Many things move at once, mostly by our own hand: one look a little later sees them all. */
  #poke(): void {
    if (this.#closed || this.#isPoked) return;
    this.#isPoked = true;
    if (this.#running === undefined) this.#schedule(this.#delayMs());
  }

  #delayMs(): number {
    if (this.#failures > 0) return Math.min(IDLE_INTERVAL_MS, MAX_DELAY_MS * 2 ** this.#failures);
    return Math.min(MAX_DELAY_MS, Math.max(MIN_DELAY_MS, this.#lastLookMs * LOOK_SHARE));
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#run(), delayMs).unref();
  }

  async #run(): Promise<void> {
    this.#isPoked = false;
    const started = performance.now();
    this.#running = this.repair().then(
      () => void (this.#failures = 0),
      (cause: unknown) => {
        this.#failures++;
        this.#world.log.error({ err: cause }, `repair failed: ${messageOf(cause)}`);
      },
    );
    await this.#running;
    this.#running = undefined;
    this.#lastLookMs = performance.now() - started;
    if (!this.#closed) this.#schedule(this.#isPoked ? this.#delayMs() : IDLE_INTERVAL_MS);
  }

  /** What settled; what is underway has its own plan. */
  #owners(): readonly Owner[] {
    const { registry } = this.#world;
    const networks = registry.networks().filter(({ phase }) => phase === "live");
    return [
      ...networks.flatMap(({ intent }) => this.#owner(networkKey(intent.id)) ?? []),
      ...registry.sandboxes().flatMap(({ intent }) => this.#owner(sandboxKey(intent.id)) ?? []),
    ];
  }

  #owner(lock: string): Owner | undefined {
    const { registry } = this.#world;
    const [kind, id = ""] = lock.split(" ");
    if (this.#unread.has(id)) return undefined;
    if (kind === "wire") {
      const entry = registry.network(id);
      return entry?.phase === "live" ? { lock, facts: networkState(this.#world, entry.intent).facts } : undefined;
    }
    const entry = registry.sandbox(id);
    const settled = registry.endpointsOfSandbox(id).every(({ phase }) => phase === "live");
    if (entry?.phase !== "live" || !settled) return undefined;
    return { lock, facts: sandboxState(this.#world, entry.intent, joinsOf(this.#world, id)).facts };
  }

  /** Under the owners' locks: look again, also into the namespaces that would be entered, plan, apply. */
  async #repairOwners(suspects: readonly Owner[]): Promise<number> {
    const locks = suspects.map(({ lock }) => lock);
    return this.#world.locks.run(locks, async () => {
      const owners = locks.flatMap((lock) => this.#owner(lock) ?? []);
      const facts = owners.flatMap((owner) => owner.facts);
      const host = await observe(this.#world, HOST, facts);
      const inside = await this.#observeInside(differing(owners, host).flatMap((owner) => owner.facts));
      const seen = new Set([HOST, ...inside.map(({ namespace }) => namespace)]);
      const visible = facts.filter((fact) => namespacesOf(fact).every((namespace) => seen.has(namespace)));
      const steps = planRepair(visible, [host, ...inside]).filter(({ action }) => action === "ensure");
      return this.#apply(steps);
    });
  }

  /** A namespace that cannot be entered is left out: its sandbox is beyond repair, and its owner will remove it. */
  async #observeInside(facts: readonly KernelFact[]): Promise<readonly Observation[]> {
    const namespaces = new Set(facts.flatMap(namespacesOf).filter((namespace) => namespace !== HOST));
    const looked = [...namespaces].map((namespace) => observe(this.#world, namespace, facts).catch(() => undefined));
    return (await Promise.all(looked)).filter((observation) => observation !== undefined);
  }

  /** Links with our mark whose owner nobody knows. Seen twice, for the first may have been on its way out. */
  async #sweep(host: Observation): Promise<number> {
    if (this.#strays(host).length === 0) return 0;
    const again = await observe(this.#world, HOST, []);
    const removals = planRepair([], [{ ...again, links: this.#strays(again) }]);
    return this.#apply(removals.filter(({ action }) => action === "remove"));
  }

  #strays(host: Observation): Observation["links"] {
    return host.links.filter(({ alias }) => {
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
    this.#world.log.warn({ steps: steps.map(describeStep) }, "the kernel differs from what is intended; repairing");
    await this.#world.kernel.applyAll(steps);
    return steps.length;
  }
}

/** The owners of whom the host's namespace lacks something. */
function differing(owners: readonly Owner[], host: Observation): readonly Owner[] {
  const facts = owners.flatMap((owner) => owner.facts).filter((fact) => homeOf(fact) === HOST);
  const wanting = new Set(planRepair(facts, [host]).map(({ fact }) => factKey(fact)));
  return wanting.size === 0 ? [] : owners.filter((owner) => owner.facts.some((fact) => wanting.has(factKey(fact))));
}
