/**
 * Opens an engine: containerd, images, containers, execs; what an earlier engine left is put in order before the first
 * request. Closing ends the containers (unless they are to live on), then everything else, newest first.
 */
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { EngineError, messageOf } from "../base/errors.ts";
import type { EventBus } from "../base/event-bus.ts";
import { newId } from "../base/ids.ts";
import { KeyedMutex } from "../base/keyed-mutex.ts";
import { Rollback } from "../base/rollback.ts";
import type { NetworkController } from "../controller/cnm.ts";
import { removeCgroupParent } from "./cgroup-parent.ts";
import type { ContainerdClient } from "./containerd/client.ts";
import { openContainerd } from "./containerd/supervise.ts";
import { ContainerControl } from "./containers/container-control.ts";
import { ContainerNetworks } from "./containers/container-networks.ts";
import { ContainerRegistry } from "./containers/container-registry.ts";
import { ContainerService } from "./containers/container-service.ts";
import { OomWatcher } from "./containers/oom-watcher.ts";
import { recover } from "./containers/recovery.ts";
import { settleStarts, shutDown } from "./containers/shutdown.ts";
import type { EngineContext } from "./engine-context.ts";
import type { EngineOptions } from "./engine-options.ts";
import type { Engine, EngineInfo } from "./engine.ts";
import { ExecStore } from "./execs/exec-store.ts";
import { ImageStore } from "./images/image-store.ts";
import { cgroupFacts } from "./oci/resources.ts";
import { volumePath } from "./volumes.ts";

const run = promisify(execFile);

/** Throws `unavailable` when no containerd serves, and what the first start of things throws; nothing is left then. */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  await using rollback = new Rollback();
  await mkdir(join(options.dataRoot, "containers"), { recursive: true, mode: 0o710 });
  await mkdir(options.execRoot, { recursive: true, mode: 0o711 });
  const containerd = await openContainerd({
    ...(options.containerdAddress === undefined ? {} : { address: options.containerdAddress }),
    own: options.ownContainerd ?? false,
    dataRoot: options.dataRoot,
    execRoot: options.execRoot,
    log: options.log,
  });
  rollback.add("containerd", async () => containerd[Symbol.asyncDispose]());
  const closing = new AbortController();
  const stopping = new AbortController();
  rollback.add("watchers", () => {
    closing.abort();
    containerd.client.cancelWaits();
  });
  const snapshotter = options.snapshotter ?? (await chooseSnapshotter(containerd.client));
  const registry = new ContainerRegistry(options);
  registry.load((id, error) => options.log.error({ id, error: messageOf(error) }, "container record not understood"));
  const context: EngineContext = {
    options,
    containerd,
    snapshotter,
    registry,
    images: openImages(options, { client: containerd.client, snapshotter, registry }),
    cgroups: cgroupFacts(),
    cgroupParent: options.cgroupParent ?? "/causeway",
    locks: new KeyedMutex(),
    stopping: stopping.signal,
    closing: closing.signal,
    volumePath: (name) => volumePath(options.dataRoot, name),
  };
  const engine = new ContainerdEngine(context, { stopping, closing }, await engineId(options.dataRoot));
  await engine.open();
  rollback.commit();
  return engine;
}

function openImages(
  options: EngineOptions,
  parts: { client: ContainerdClient; snapshotter: string; registry: ContainerRegistry },
): ImageStore {
  const { client, snapshotter, registry } = parts;
  const users = () => registry.all().map(({ id, running, record }) => ({ id, running, imageId: record.imageId }));
  return new ImageStore({ client, snapshotter, clock: options.clock, events: options.events, users });
}

interface Phases {
  readonly stopping: AbortController;
  readonly closing: AbortController;
}

class ContainerdEngine implements Engine {
  readonly containers: ContainerService;
  readonly execs: ExecStore;
  readonly #context: EngineContext;
  readonly #phases: Phases;
  readonly #id: string;
  readonly #control: ContainerControl;
  readonly #containerNetworks: ContainerNetworks;
  readonly #oom: OomWatcher;
  #runcVersion: Promise<string> | undefined;

  constructor(context: EngineContext, phases: Phases, id: string) {
    this.#context = context;
    this.#phases = phases;
    this.#id = id;
    this.#containerNetworks = new ContainerNetworks(context.options.controller, context.registry);
    this.#control = new ContainerControl(context, this.#containerNetworks, (entry) => this.execs.forget(entry));
    this.execs = new ExecStore(context, this.#control.runner);
    this.containers = new ContainerService(context, this.#control, this.#containerNetworks);
    this.#oom = new OomWatcher(context);
  }

  get images(): ImageStore {
    return this.#context.images;
  }

  get networks(): NetworkController {
    return this.#context.options.controller;
  }

  get events(): EventBus {
    return this.#context.options.events;
  }

  async open(): Promise<void> {
    this.#oom.open();
    await recover({ context: this.#context, control: this.#control, networks: this.#containerNetworks });
  }

  async info(): Promise<EngineInfo> {
    const { containerd, images, registry, options, snapshotter } = this.#context;
    this.#runcVersion ??= runcVersion();
    const statuses = registry.all().map((entry) => entry.record.state.status);
    const count = (...wanted: string[]): number => statuses.filter((status) => wanted.includes(status)).length;
    const running = count("running");
    const paused = count("paused");
    return {
      id: this.#id,
      containerdVersion: await containerd.client.version(),
      runcVersion: await this.#runcVersion,
      snapshotter,
      dataRoot: options.dataRoot,
      containers: { running, paused, stopped: statuses.length - running - paused },
      images: (await images.list()).length,
    };
  }

  /** Not live-restore: containers are stopped first. Live-restore: they run on, and the next engine finds them. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { containerd, options, cgroupParent } = this.#context;
    this.#phases.stopping.abort();
    await settleStarts(this.#context);
    const watchers = this.#context.registry.all().flatMap((entry) => entry.run?.finished ?? []);
    this.#context.registry.all().forEach((entry) => clearTimeout(entry.restartTimer));
    if (!options.liveRestore) await shutDown(this.#context, this.#control);
    this.#phases.closing.abort();
    this.#oom.close();
    containerd.client.cancelWaits();
    await Promise.allSettled(watchers);
    await this.execs.close();
    await containerd[Symbol.asyncDispose]();
    await removeCgroupParent(cgroupParent);
  }
}

/** overlayfs where the kernel has it, else copies. */
async function chooseSnapshotter(client: ContainerdClient): Promise<string> {
  for (const name of ["overlayfs", "native"]) {
    const there = await client.snapshots.list(name).then(
      () => true,
      (error: unknown) => {
        if (error instanceof EngineError && error.code === "unavailable") throw error;
        return false;
      },
    );
    if (there) return name;
  }
  throw new EngineError("unavailable", "containerd has neither the overlayfs nor the native snapshotter");
}

async function runcVersion(): Promise<string> {
  const { stdout } = await run("runc", ["--version"]).catch(() => ({ stdout: "" }));
  return /version (\S+)/.exec(stdout)?.[1] ?? "";
}

/** One per data root, for `docker info`; kept in a file. */
async function engineId(dataRoot: string): Promise<string> {
  const path = join(dataRoot, "engine-id");
  const known = await readFile(path, "utf8").catch(() => "");
  if (/^[0-9a-f]{64}$/.test(known)) return known;
  const id = newId();
  await writeFile(path, id);
  return id;
}
