/** Containers in memory over {@link FakeProcess}, with Docker's sentences for what the state forbids. */
import { Readable } from "node:stream";
import { once } from "node:events";
import { systemClock } from "../../base/clock.ts";
import { EngineError } from "../../base/errors.ts";
import type { EventBus } from "../../base/event-bus.ts";
import { newId, shortId } from "../../base/ids.ts";
import type { EndpointSpec, SandboxView } from "../../controller/cnm.ts";
import type { Container } from "../../engine/container.ts";
import type { ContainerSpec, EndpointSettings } from "../../engine/container-spec.ts";
import type {
  AttachedStreams,
  AttachOptions,
  CommitOptions,
  Containers,
  LogOptions,
  TerminalSize,
  WaitCondition,
} from "../../engine/engine.ts";
import type { Image } from "../../engine/image.ts";
import type { FakeImages } from "./fake-images.ts";
import type { FakeNetworks } from "./fake-networks.ts";
import { FakeProcess } from "./fake-process.ts";

interface Entry {
  view: Container;
  process: FakeProcess;
  readonly removed: Promise<void>;
  readonly resolveRemoved: () => void;
}

export class FakeContainers implements Containers {
  readonly #entries = new Map<string, Entry>();
  readonly #events: EventBus;
  readonly #networks: FakeNetworks;
  readonly #images: FakeImages;
  #names = 0;
  #waits = 0;

  constructor(events: EventBus, networks: FakeNetworks, images: FakeImages) {
    this.#events = events;
    this.#networks = networks;
    this.#images = images;
  }

  async create(spec: ContainerSpec): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
    const image = await this.#images.find(spec.image);
    const id = newId();
    const name = spec.name ?? `quiet_euler${this.#names++}`;
    this.#requireFreeName(name);
    const commandLine = [
      ...(spec.entrypoint ?? image.config.entrypoint ?? []),
      ...(spec.command ?? image.config.command ?? []),
    ];
    if (commandLine.length === 0) throw new EngineError("invalid-argument", "no command specified");
    const { promise, resolve } = Promise.withResolvers<void>();
    const view: Container = {
      id,
      name,
      createdNs: systemClock.nowNs(),
      spec,
      imageId: image.id,
      commandLine,
      hostname: spec.hostname ?? shortId(id),
      state: { status: "created" },
      restartCount: 0,
      directory: `/var/lib/causeway/containers/${id}`,
      logPath: `/var/lib/causeway/containers/${id}/${id}-json.log`,
      execIds: [],
    };
    this.#entries.set(id, { view, process: this.#process(view), removed: promise, resolveRemoved: resolve });
    this.#emit("create", view);
    return { id, warnings: [] };
  }

  list(): readonly Container[] {
    return [...this.#entries.values()].map(({ view }) => view);
  }

  find(reference: string): Container {
    return this.entry(reference).view;
  }

  sandbox(reference: string): SandboxView | undefined {
    const { sandboxId } = this.find(reference);
    return sandboxId === undefined ? undefined : this.#networks.findSandbox(sandboxId);
  }

  async start(reference: string): Promise<void> {
    const entry = this.entry(reference);
    const { view } = entry;
    if (view.state.status === "running")
      throw new EngineError("not-modified", `Container ${view.id} is already running`);
    if (view.state.status === "exited") entry.process = this.#process(view);
    const sandbox = await this.#networks.createSandbox({
      containerId: view.id,
      hostname: view.hostname,
      filesDirectory: view.directory,
      ports: view.spec.publish.ports,
      endpoints: Object.entries(view.spec.endpoints).map(([network, settings]) =>
        endpointSpec(view, network, settings),
      ),
    });
    const startedNs = systemClock.nowNs();
    entry.view = { ...view, sandboxId: sandbox.id, state: { status: "running", pid: 4711, startedNs } };
    this.#emit("start", view);
    void this.#watch(entry, startedNs);
    entry.process.start();
  }

  async stop(reference: string): Promise<void> {
    const entry = this.entry(reference);
    if (entry.view.state.status !== "running")
      throw new EngineError("not-modified", `Container ${reference} is stopped`);
    await this.#end(entry, 137);
  }

  async restart(reference: string): Promise<void> {
    const entry = this.entry(reference);
    if (entry.view.state.status === "running") await this.#end(entry, 137);
    await this.start(reference);
  }

  async kill(reference: string, signal = "KILL"): Promise<void> {
    const entry = this.running(reference, "kill");
    if (!/^(SIG)?(KILL|TERM|INT|HUP|9|15)$/.test(signal))
      throw new EngineError("invalid-argument", `Invalid signal: ${signal}`);
    await this.#end(entry, 137);
  }

  async pause(reference: string): Promise<void> {
    const entry = this.running(reference, "pause");
    const { state } = entry.view;
    if (state.status === "running") entry.view = { ...entry.view, state: { ...state, status: "paused" } };
  }

  async unpause(reference: string): Promise<void> {
    const entry = this.entry(reference);
    const { state } = entry.view;
    if (state.status !== "paused") throw new EngineError("internal", `Container ${entry.view.id} is not paused`);
    entry.view = { ...entry.view, state: { ...state, status: "running" } };
  }

  async rename(reference: string, name: string): Promise<void> {
    const entry = this.entry(reference);
    this.#requireFreeName(name);
    entry.view = { ...entry.view, name };
    this.#emit("rename", entry.view);
  }

  async remove(reference: string, options: { readonly force?: boolean } = {}): Promise<void> {
    const entry = this.entry(reference);
    const { status } = entry.view.state;
    if (status === "running" || status === "paused") {
      if (options.force !== true) {
        const mend = "stop the container before removing or force remove";
        const what = `container is ${status}: ${mend}`;
        throw new EngineError("conflict", `cannot remove container "/${entry.view.name}": ${what}`);
      }
      await this.#end(entry, 137);
    }
    this.#entries.delete(entry.view.id);
    this.#emit("destroy", entry.view);
    entry.resolveRemoved();
  }

  async prune(matches: (container: Container) => boolean): Promise<readonly string[]> {
    const stopped = this.list().filter(({ state }) => state.status === "exited" || state.status === "created");
    const ids = stopped.filter(matches).map(({ id }) => id);
    for (const id of ids) await this.remove(id);
    return ids;
  }

  async wait(
    reference: string,
    condition: WaitCondition,
    signal?: AbortSignal,
  ): Promise<{ readonly exitCode: number }> {
    const entry = this.entry(reference);
    const { state } = entry.view;
    if (condition === "not-running" && state.status !== "running")
      return { exitCode: "exitCode" in state ? state.exitCode : 0 };
    const ended = condition === "removed" ? entry.removed.then(() => entry.process.exit) : entry.process.exit;
    const { promise: left, reject } = Promise.withResolvers<never>();
    const leave = (): void => reject(signal?.reason);
    signal?.addEventListener("abort", leave, { once: true });
    this.#waits++;
    try {
      return { exitCode: await Promise.race([ended, left]) };
    } finally {
      this.#waits--;
      signal?.removeEventListener("abort", leave);
    }
  }

  async attach(reference: string, options: AttachOptions): Promise<AttachedStreams> {
    return this.entry(reference).process.attach(options);
  }

  async logs(reference: string, options: LogOptions): Promise<Readable> {
    const { process } = this.entry(reference);
    if (options.follow) return process.follow();
    const chunks = process.printed.map(({ chunk }) => chunk).filter(({ stream }) => options[stream]);
    return Readable.from(options.tail === undefined ? chunks : chunks.slice(-options.tail));
  }

  async resize(reference: string, size: TerminalSize): Promise<void> {
    this.running(reference, "resize").process.resize(size);
  }

  async top(reference: string): ReturnType<Containers["top"]> {
    const { view } = this.running(reference, "top");
    return { titles: ["PID", "CMD"], processes: [["4711", view.commandLine.join(" ")]] };
  }

  async connect(reference: string, network: string, settings: EndpointSettings): Promise<void> {
    const entry = this.entry(reference);
    const { view } = entry;
    const { name, id } = this.#networks.findNetwork(network);
    if (view.sandboxId !== undefined) await this.#networks.connect(view.sandboxId, endpointSpec(view, id, settings));
    entry.view = { ...view, spec: { ...view.spec, endpoints: { ...view.spec.endpoints, [name]: settings } } };
  }

  async disconnect(reference: string, network: string): Promise<void> {
    const entry = this.entry(reference);
    const { view } = entry;
    const { name, id } = this.#networks.findNetwork(network);
    const joined = this.sandbox(reference)?.endpoints.find((endpoint) => endpoint.network.id === id);
    if (joined === undefined)
      throw new EngineError("internal", `container ${view.id} is not connected to network ${name}`);
    await this.#networks.disconnect(joined.endpoint.id);
    const endpoints = Object.fromEntries(Object.entries(view.spec.endpoints).filter(([key]) => key !== name));
    entry.view = { ...view, spec: { ...view.spec, endpoints } };
  }

  async commit(reference: string, options: CommitOptions): Promise<Image> {
    const { view } = this.entry(reference);
    const { config } = await this.#images.find(view.imageId);
    const { change, pause: _pause, author: _author, ...rest } = options;
    const base = { ...config, environment: view.spec.environment, exposedPorts: view.spec.exposedPorts };
    return this.#images.import(Readable.from([Buffer.from(view.id)]), { ...rest, config: change(base) });
  }

  /** Streams that clients hold. */
  /** Waits that are neither over nor given up. */
  get waits(): number {
    return this.#waits;
  }

  openStreams(): number {
    return [...this.#entries.values()].reduce((sum, { process }) => sum + process.openStreams, 0);
  }

  async killAll(): Promise<void> {
    for (const entry of this.#entries.values()) entry.process.end(137);
  }

  entry(reference: string): Entry {
    const all = [...this.#entries.values()];
    const exact = all.find(({ view }) => view.id === reference || view.name === reference.replace(/^\//, ""));
    const found = exact ?? all.find(({ view }) => reference.length >= 4 && view.id.startsWith(reference));
    if (found === undefined) throw new EngineError("not-found", `No such container: ${reference}`);
    return found;
  }

  running(reference: string, verb: string): Entry {
    const entry = this.entry(reference);
    if (entry.view.state.status === "running") return entry;
    const why = `container ${entry.view.id} is not running`;
    throw new EngineError("conflict", verb === "kill" ? `cannot kill container: ${reference}: ${why}` : why);
  }

  #process({ commandLine, spec }: Container): FakeProcess {
    return new FakeProcess({ command: commandLine, tty: spec.tty, stdin: spec.openStdin });
  }

  async #end(entry: Entry, code: number): Promise<void> {
    const { sandboxId } = entry.view;
    entry.process.end(code);
    while (entry.view.sandboxId === sandboxId && this.#entries.has(entry.view.id)) await once(this.#changes, "exit");
  }

  readonly #changes = new EventTarget();

  async #watch(entry: Entry, startedNs: bigint): Promise<void> {
    const exitCode = await entry.process.exit;
    const { sandboxId, ...rest } = entry.view;
    if (sandboxId !== undefined) await this.#networks.removeSandbox(sandboxId);
    const finishedNs = systemClock.nowNs();
    entry.view = { ...rest, state: { status: "exited", exitCode, startedNs, finishedNs, oomKilled: false } };
    this.#emit("die", entry.view, { exitCode: String(exitCode) });
    this.#changes.dispatchEvent(new Event("exit"));
    if (entry.view.spec.autoRemove) await this.remove(entry.view.id);
  }

  #requireFreeName(name: string): void {
    const holder = this.list().find((container) => container.name === name);
    if (holder === undefined) return;
    const mend = "You have to remove (or rename) that container to be able to reuse that name.";
    const what = `The container name "/${name}" is already in use by container "${holder.id}".`;
    throw new EngineError("conflict", `Conflict. ${what} ${mend}`);
  }

  #emit(action: string, view: Container, more: Readonly<Record<string, string>> = {}): void {
    const attributes = { ...view.spec.labels, image: view.spec.image, name: view.name, ...more };
    this.#events.emit({ type: "container", action, actorId: view.id, attributes });
  }
}

function endpointSpec(view: Container, network: string, settings: EndpointSettings): EndpointSpec {
  const { aliases = [], links: _links, ...rest } = settings;
  return { network, name: view.name, dnsNames: [view.name, ...aliases, shortId(view.id)], ...rest };
}
