/**
 * The controller of the Container Network Model: intents in the store, the kernel following them, and a reconciler that keeps
 * it so. This file is the table of contents; each operation is told in the file of its name.
 */
import { EngineError } from "../base/errors.ts";
import type { EndpointIntent, NetworkIntent, PeerIntent } from "../drivers/intent.ts";
import type { LinkStatistics } from "../kernel/observation.ts";
import { ClusterWatch } from "./shared/cluster-watch.ts";
import type { EndpointSpec, NetworkController, NetworkSpec, PortExposure, SandboxSpec, SandboxView } from "./cnm.ts";
import { connect, disconnect, renameEndpoints } from "./connections.ts";
import { sandboxNamespace } from "./desired.ts";
import type { DriftKind } from "./drift.ts";
import { exposures } from "./exposures.ts";
import { findNetwork } from "./find-network.ts";
import { Lending } from "./lent/lending.ts";
import { peersOf } from "./shared/members.ts";
import { timed } from "./meter.ts";
import { createNetwork, removeNetwork } from "./networks.ts";
import type { ControllerOptions } from "./options.ts";
import { OwedCallsWatch } from "./plugins/settle-calls.ts";
import { Reconciler } from "./reconciler.ts";
import { ResolvConfWatch } from "./resolv-conf-watch.ts";
import { createSandbox, removeSandbox } from "./sandboxes.ts";
import { evictPeer } from "./shared/shared-endpoints.ts";
import { start, type StartReport } from "./start.ts";
import { sandboxView } from "./views.ts";
import { createWorld, type World } from "./world.ts";

/** What goes on beside requests. */
interface Watches {
  readonly reconciler: Reconciler;
  readonly resolvConf: ResolvConfWatch;
  readonly cluster: ClusterWatch;
  readonly lending: Lending;
  readonly owed: OwedCallsWatch;
}

export class Controller implements NetworkController {
  readonly #world: World;
  readonly #watches: Watches;
  /** What start-up found and did. */
  readonly startReport: StartReport;

  private constructor(world: World, watches: Watches, startReport: StartReport) {
    this.#world = world;
    this.#watches = watches;
    this.startReport = startReport;
  }

  /**
   * Loads what the store intends, brings the kernel in line with it, and keeps it so until closed. Throws when the default
   * bridge cannot be as its settings say; what else cannot be restored is logged and kept.
   */
  static async open(options: ControllerOptions): Promise<Controller> {
    const world = createWorld(options);
    const report = await start(world);
    const reconciler = new Reconciler(world, report.unread);
    await reconciler.open();
    const resolvConf = new ResolvConfWatch(world);
    await resolvConf.open();
    const cluster = new ClusterWatch(world);
    cluster.open();
    const lending = new Lending(world);
    await lending.restore();
    const owed = new OwedCallsWatch(world);
    owed.open();
    return new Controller(world, { reconciler, resolvConf, cluster, lending, owed }, report);
  }

  /** What another engine is provided with whose plugin we are. */
  get lending(): Lending {
    return this.#watches.lending;
  }

  networks(): readonly NetworkIntent[] {
    const whole = this.#world.registry.networks().filter(({ phase }) => phase !== "creating");
    return whole.map(({ intent }) => intent);
  }

  findNetwork(reference: string): NetworkIntent {
    return findNetwork(this.#world.registry, reference);
  }

  createNetwork(spec: NetworkSpec): Promise<NetworkIntent> {
    return createNetwork(this.#world, spec);
  }

  removeNetwork(reference: string): Promise<void> {
    return removeNetwork(this.#world, reference);
  }

  endpoints(networkId?: string): readonly EndpointIntent[] {
    const { registry } = this.#world;
    const entries = networkId === undefined ? registry.endpoints() : registry.endpointsOfNetwork(networkId);
    return entries.filter(({ phase }) => phase !== "creating").map(({ intent }) => intent);
  }

  peers(networkId: string): readonly PeerIntent[] {
    return peersOf(this.#world, networkId);
  }

  async evictPeer(networkId: string, name: string): Promise<void> {
    await evictPeer(this.#world, networkId, name);
  }

  async createSandbox(spec: SandboxSpec): Promise<SandboxView> {
    const made = await timed(this.#world.meter, "allocate", () => createSandbox(this.#world, spec));
    return sandboxView(this.#world, made);
  }

  sandboxes(): readonly SandboxView[] {
    const whole = this.#world.registry.sandboxes().filter(({ phase }) => phase !== "creating");
    return whole.map(({ intent }) => sandboxView(this.#world, intent));
  }

  findSandbox(id: string): SandboxView | undefined {
    const entry = this.#world.registry.sandbox(id);
    return entry === undefined || entry.phase === "creating" ? undefined : sandboxView(this.#world, entry.intent);
  }

  removeSandbox(id: string): Promise<void> {
    return timed(this.#world.meter, "release", () => removeSandbox(this.#world, id));
  }

  connect(sandboxId: string, spec: EndpointSpec): Promise<EndpointIntent> {
    return timed(this.#world.meter, "connect", () => connect(this.#world, sandboxId, spec));
  }

  disconnect(endpointId: string): Promise<void> {
    return disconnect(this.#world, endpointId);
  }

  renameEndpoints(sandboxId: string, name: string, dnsNames: readonly string[]): Promise<void> {
    return renameEndpoints(this.#world, sandboxId, { name, dnsNames });
  }

  exposures(): Promise<readonly PortExposure[]> {
    return exposures(this.#world);
  }

  async statistics(sandboxId: string): Promise<Readonly<Record<string, LinkStatistics>>> {
    const sandbox = this.#world.registry.sandbox(sandboxId)?.intent;
    if (sandbox === undefined) throw new EngineError("not-found", `sandbox ${sandboxId} not found`);
    if (sandbox.hostNamespace) return {};
    const { links } = await this.#world.kernel.observe(sandboxNamespace(this.#world, sandbox));
    return Object.fromEntries(links.filter(({ name }) => name !== "lo").map((link) => [link.name, link.statistics]));
  }

  /** How often the kernel was found to differ and was put right, since we opened. */
  drift(): Readonly<Record<DriftKind, number>> {
    return this.#world.drift.byKind();
  }

  /** Looks at the kernel now and puts back what is ours and missing; answers how many steps that took. */
  repair(): Promise<number> {
    return this.#watches.reconciler.repair();
  }

  /** Stops repairing. Networks and sandboxes stay as they are: the next open takes them over. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#world.announcer[Symbol.dispose]();
    this.#watches.owed[Symbol.dispose]();
    await this.#watches.lending[Symbol.asyncDispose]();
    await this.#watches.cluster[Symbol.asyncDispose]();
    await this.#watches.resolvConf[Symbol.asyncDispose]();
    await this.#watches.reconciler[Symbol.asyncDispose]();
  }
}
