/** `Containers` of engine.ts: finds the container that is meant and hands the request to the module that does it. */
import type { Readable } from "node:stream";
import { EngineError, messageOf } from "../../base/errors.ts";
import type { SandboxView } from "../../controller/cnm.ts";
import type { Container } from "../container.ts";
import type { ContainerSpec, EndpointSettings } from "../container-spec.ts";
import type { EngineContext } from "../engine-context.ts";
import type {
  AttachedStreams,
  AttachOptions,
  CommitOptions,
  Containers,
  LogOptions,
  TerminalSize,
  WaitCondition,
} from "../engine.ts";
import { readLog } from "../streams/log-reader.ts";
import type { Image } from "../image.ts";
import { commitContainer } from "./commit-container.ts";
import { attachTo } from "./attach.ts";
import type { ContainerControl, StopOptions } from "./container-control.ts";
import type { ContainerEntry, ExitResult } from "./container-entry.ts";
import type { ContainerNetworks } from "./container-networks.ts";
import { createContainer } from "./create-container.ts";
import { validateName } from "./names.ts";
import { listProcesses, TITLES } from "./process-list.ts";

export class ContainerService implements Containers {
  readonly #context: EngineContext;
  readonly #control: ContainerControl;
  readonly #networks: ContainerNetworks;

  constructor(context: EngineContext, control: ContainerControl, networks: ContainerNetworks) {
    this.#context = context;
    this.#control = control;
    this.#networks = networks;
  }

  async create(spec: ContainerSpec): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
    const entry = await createContainer(this.#context, spec);
    return { id: entry.id, warnings: this.#warnings(spec) };
  }

  list(): readonly Container[] {
    return this.#context.registry.all().map((entry) => entry.view());
  }

  find(reference: string): Container {
    return this.#find(reference).view();
  }

  sandbox(reference: string): SandboxView | undefined {
    return this.#networks.sandbox(this.#find(reference));
  }

  async start(reference: string): Promise<void> {
    await this.#control.start(this.#find(reference));
  }

  async stop(reference: string, options: StopOptions = {}): Promise<void> {
    await this.#control.stop(this.#find(reference), options);
  }

  async restart(reference: string, options: StopOptions = {}): Promise<void> {
    await this.#control.restart(this.#find(reference), options);
  }

  async kill(reference: string, signal?: string): Promise<void> {
    await this.#control.kill(this.#find(reference), signal);
  }

  async pause(reference: string): Promise<void> {
    await this.#control.pause(this.#find(reference));
  }

  async unpause(reference: string): Promise<void> {
    await this.#control.unpause(this.#find(reference));
  }

  async rename(reference: string, newName: string): Promise<void> {
    const { registry, locks } = this.#context;
    const entry = this.#find(reference);
    const name = validateName(newName);
    await locks.run(entry.id, async () => {
      const oldName = entry.name;
      if (name === oldName) {
        throw new EngineError("invalid-argument", "Renaming a container with the same name as its current name");
      }
      registry.reserveName(name, entry.id);
      try {
        registry.update(entry, { name });
        await this.#networks.rename(entry);
      } catch (error) {
        registry.update(entry, { name: oldName });
        registry.releaseName(name, entry.id);
        throw error;
      }
      registry.releaseName(oldName, entry.id);
      registry.emit(entry, "rename", { oldName: `/${oldName}` });
    });
  }

  async remove(reference: string, options: { readonly force?: boolean } = {}): Promise<void> {
    await this.#control.remove(this.#find(reference), options);
  }

  async prune(matches: (container: Container) => boolean): Promise<readonly string[]> {
    const removed: string[] = [];
    for (const entry of this.#context.registry.all()) {
      const { status } = entry.record.state;
      if ((status !== "created" && status !== "exited") || !matches(entry.view())) continue;
      try {
        await this.#control.remove(entry, {});
        removed.push(entry.id);
      } catch (error) {
        // Started or removed by somebody else meanwhile, most likely: no reason to keep the others.
        this.#context.options.log.warn({ container: entry.id, error: messageOf(error) }, "prune: container stays");
      }
    }
    return removed;
  }

  async wait(reference: string, condition: WaitCondition, signal?: AbortSignal): Promise<ExitResult> {
    const entry = this.#find(reference);
    if (condition === "next-exit") return entry.nextExit(signal);
    if (condition === "removed") return entry.removal(signal);
    const { status } = entry.record.state;
    return status === "created" || status === "exited" ? entry.lastResult() : entry.nextExit(signal);
  }

  async attach(reference: string, options: AttachOptions): Promise<AttachedStreams> {
    return attachTo(this.#context, this.#find(reference), options);
  }

  async logs(reference: string, options: LogOptions): Promise<Readable> {
    const entry = this.#find(reference);
    return readLog(entry.logPath, options, entry.run?.log);
  }

  async resize(reference: string, size: TerminalSize): Promise<void> {
    const entry = this.#running(reference);
    const { client } = this.#context.containerd;
    await client.tasks.resize({ containerId: entry.id, width: size.columns, height: size.rows });
    this.#context.registry.emit(entry, "resize", { height: String(size.rows), width: String(size.columns) });
  }

  async top(reference: string): Promise<{ titles: readonly string[]; processes: readonly (readonly string[])[] }> {
    const entry = this.#running(reference);
    const pids = await this.#context.containerd.client.tasks.pids(entry.id);
    this.#context.registry.emit(entry, "top");
    return { titles: TITLES, processes: await listProcesses(pids) };
  }

  async connect(reference: string, network: string, settings: EndpointSettings): Promise<void> {
    const entry = this.#find(reference);
    await this.#context.locks.run(entry.id, () => this.#networks.connect(entry, network, settings));
  }

  async disconnect(reference: string, network: string, _force: boolean): Promise<void> {
    const entry = this.#find(reference);
    await this.#context.locks.run(entry.id, () => this.#networks.disconnect(entry, network));
  }

  async commit(reference: string, options: CommitOptions): Promise<Image> {
    return commitContainer(this.#context, this.#find(reference), options);
  }

  #find(reference: string): ContainerEntry {
    return this.#context.registry.find(reference);
  }

  #running(reference: string): ContainerEntry {
    const entry = this.#find(reference);
    if (entry.running) return entry;
    throw new EngineError("conflict", `container ${entry.id} is not running`);
  }

  #warnings(spec: ContainerSpec): readonly string[] {
    const warnings: string[] = [];
    if ((spec.resources.memory ?? 0) > 0 && !this.#context.cgroups.swapLimit) {
      warnings.push(
        "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.",
      );
    }
    return warnings;
  }
}
