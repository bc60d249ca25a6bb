/**
 * What is done to a container's process: start, stop, kill, restart, pause, and what follows when it ends by itself: restart
 * policy, automatic removal, removal on request. State changes happen under the container's lock; waiting for an end does
 * not, because the end itself needs it.
 */
import { rm } from "node:fs/promises";
import { EngineError, messageOf } from "../../base/errors.ts";
import { absentIsFine } from "../containerd/grpc-errors.ts";
import type { EngineContext } from "../engine-context.ts";
import type { ContainerEntry, Run } from "./container-entry.ts";
import type { ContainerNetworks } from "./container-networks.ts";
import { nextRestart } from "./restart-policy.ts";
import { parseSignal } from "./signals.ts";
import { waitsFor } from "./start-when-possible.ts";
import { TaskRunner } from "./task-runner.ts";

const SIGKILL = 9;
const SIGTERM = "15";
const DEFAULT_STOP_SECONDS = 10;
/** A killed process that is not gone by then hangs in the kernel. */
const KILL_TIMEOUT_MS = 10_000;
/** More than plugins that are away can take to be told that the container left their networks. */
const CLEANUP_TIMEOUT_MS = 180_000;

export interface StopOptions {
  readonly timeoutSeconds?: number;
  readonly signal?: string;
}

export class ContainerControl {
  readonly runner: TaskRunner;
  readonly #context: EngineContext;
  readonly #networks: ContainerNetworks;
  /** Told when a container is gone, for what others keep of it. */
  readonly #onRemoved: (entry: ContainerEntry) => void;

  constructor(context: EngineContext, networks: ContainerNetworks, onRemoved: (entry: ContainerEntry) => void) {
    this.#context = context;
    this.#networks = networks;
    this.#onRemoved = onRemoved;
    this.runner = new TaskRunner(context, networks, (entry, run, exit) => this.#ended(entry, run, exit));
  }

  async start(entry: ContainerEntry): Promise<void> {
    const failed = await this.#context.locks.run(entry.id, async () => {
      this.#refuseStart(entry);
      clearTimeout(entry.restartTimer);
      this.#context.registry.update(entry, { restartCount: 0 });
      try {
        await this.runner.start(entry);
        return undefined;
      } catch (error) {
        entry.tellExit(entry.lastResult());
        return error;
      }
    });
    if (failed === undefined) return;
    if (entry.record.spec.autoRemove) await this.remove(entry, { force: true });
    throw failed;
  }

  async stop(entry: ContainerEntry, options: StopOptions): Promise<void> {
    if (entry.record.state.status === "restarting") return this.#cancelRestart(entry);
    await this.#untilStarted(entry);
    const { run } = entry;
    if (!entry.running || run === undefined) {
      throw new EngineError("not-modified", `Container ${entry.id} is already stopped`);
    }
    this.#noteStop(entry, run);
    const { stopSignal } = entry.record.inherited;
    const signal = parseSignal(options.signal ?? (stopSignal === "" ? SIGTERM : stopSignal));
    const seconds = options.timeoutSeconds ?? entry.record.spec.stopTimeoutSeconds ?? DEFAULT_STOP_SECONDS;
    await this.end(entry, run, { signal, timeoutMs: seconds < 0 ? undefined : seconds * 1000 });
    this.#context.registry.emit(entry, "stop");
  }

  /** Signal, patience, SIGKILL; answers when the end has been dealt with. Without a time-out the patience is endless. */
  async end(entry: ContainerEntry, run: Run, how: { signal: number; timeoutMs: number | undefined }): Promise<void> {
    await this.#signal(entry, how.signal);
    if (!(await within(run.gone, how.timeoutMs))) {
      await this.#signal(entry, SIGKILL);
      if (!(await within(run.gone, KILL_TIMEOUT_MS))) {
        throw new EngineError("internal", `container ${entry.id} did not end within 10 s of SIGKILL`);
      }
    }
    if (await within(run.finished, CLEANUP_TIMEOUT_MS)) return;
    throw new EngineError("unavailable", `container ${entry.id} has ended, but still holds what it had, see the log`);
  }

  async kill(entry: ContainerEntry, signalText: string | undefined): Promise<void> {
    const signal = parseSignal(signalText ?? String(SIGKILL));
    await this.#untilStarted(entry);
    const { run } = entry;
    if (!entry.running || run === undefined) {
      throw new EngineError("conflict", `cannot kill container: ${entry.name}: container ${entry.id} is not running`);
    }
    const { stopSignal } = entry.record.inherited;
    const ends = signal === SIGKILL || stopSignal === "" || parseSignal(stopSignal) === signal;
    if (ends) this.#noteStop(entry, run);
    await this.#signal(entry, signal);
    // Docker answers a SIGKILL when the container is down.
    if (signal === SIGKILL) await within(run.finished, KILL_TIMEOUT_MS);
  }

  /** A process may speak before its start has been answered, and whoever hears it may want to signal it: dockerd waits too. */
  async #untilStarted(entry: ContainerEntry): Promise<void> {
    if (!entry.running) await this.#context.locks.run(entry.id, () => Promise.resolve());
  }

  async restart(entry: ContainerEntry, options: StopOptions): Promise<void> {
    if (entry.running || entry.record.state.status === "restarting") {
      const { autoRemove } = entry.record.spec;
      // A restart is no end: the container must still be there to be started.
      if (autoRemove) this.#setAutoRemove(entry, false);
      await this.stop(entry, options).catch(ignoreNotModified);
      if (autoRemove) this.#setAutoRemove(entry, true);
    }
    await this.start(entry);
    this.#context.registry.emit(entry, "restart");
  }

  async pause(entry: ContainerEntry): Promise<void> {
    const { locks, containerd, registry } = this.#context;
    await locks.run(entry.id, async () => {
      const { state } = entry.record;
      if (state.status === "paused") throw new EngineError("conflict", `Container ${entry.id} is already paused`);
      if (state.status !== "running") throw new EngineError("conflict", `Container ${entry.id} is not running`);
      await containerd.client.tasks.pause(entry.id);
      registry.setState(entry, { ...state, status: "paused" });
    });
    registry.emit(entry, "pause");
  }

  async unpause(entry: ContainerEntry): Promise<void> {
    const { locks, containerd, registry } = this.#context;
    await locks.run(entry.id, async () => {
      const { state } = entry.record;
      if (state.status !== "paused") throw new EngineError("conflict", `Container ${entry.id} is not paused`);
      await containerd.client.tasks.resume(entry.id);
      registry.setState(entry, { ...state, status: "running" });
    });
    registry.emit(entry, "unpause");
  }

  async remove(entry: ContainerEntry, options: { readonly force?: boolean }): Promise<void> {
    const { locks, registry } = this.#context;
    if (entry.record.state.status === "removing" && options.force !== true) {
      throw new EngineError("conflict", `removal of container ${entry.id} is already in progress`);
    }
    if (entry.running || entry.record.state.status === "restarting") await this.#endForRemoval(entry, options.force);
    await locks.run(entry.id, async () => {
      if (registry.get(entry.id) !== entry) return;
      if (entry.running) throw removeRefused(entry);
      await this.#removeNow(entry);
    });
  }

  /** Removal proper: the lock is held and nothing of the container runs. */
  async #removeNow(entry: ContainerEntry): Promise<void> {
    const { registry, containerd, snapshotter } = this.#context;
    clearTimeout(entry.restartTimer);
    const result = entry.lastResult();
    registry.setState(entry, { status: "removing", exitCode: result.exitCode });
    await this.runner.removeLeftovers(entry);
    await this.#networks.leave(entry);
    await absentIsFine(() => containerd.client.snapshots.remove(snapshotter, entry.id));
    await rm(entry.directory, { recursive: true, force: true });
    registry.remove(entry);
    this.#onRemoved(entry);
    entry.hub.end();
    registry.emit(entry, "destroy");
    entry.tellRemoval(result);
  }

  async #endForRemoval(entry: ContainerEntry, force: boolean | undefined): Promise<void> {
    if (force !== true) throw removeRefused(entry);
    if (entry.record.state.status === "restarting") return this.#cancelRestart(entry);
    const { run } = entry;
    if (run === undefined) return;
    run.stopRequested = true;
    await this.end(entry, run, { signal: SIGKILL, timeoutMs: KILL_TIMEOUT_MS });
  }

  #refuseStart(entry: ContainerEntry): void {
    const { status } = entry.record.state;
    if (this.#context.stopping.aborted) throw new EngineError("unavailable", "the engine is shutting down");
    if (status === "running") throw new EngineError("not-modified", `Container ${entry.id} is already running`);
    if (status === "paused") {
      throw new EngineError("conflict", "cannot start a paused container, try unpause instead");
    }
    if (status === "removing" || this.#context.registry.get(entry.id) !== entry) {
      throw new EngineError("conflict", "container is marked for removal and cannot be started");
    }
  }

  #noteStop(entry: ContainerEntry, run: Run): void {
    run.stopRequested = true;
    this.#context.registry.update(entry, { manuallyStopped: true });
  }

  /** A frozen process takes its signal when it is thawed. */
  async #signal(entry: ContainerEntry, signal: number): Promise<void> {
    const { client } = this.#context.containerd;
    await absentIsFine(() => client.tasks.kill({ containerId: entry.id, signal, all: false }));
    this.#context.registry.emit(entry, "kill", { signal: String(signal) });
    if (entry.record.state.status === "paused") await this.unpause(entry).catch(() => undefined);
  }

  async #cancelRestart(entry: ContainerEntry): Promise<void> {
    const { locks, registry } = this.#context;
    await locks.run(entry.id, async () => {
      clearTimeout(entry.restartTimer);
      const { state } = entry.record;
      if (state.status !== "restarting") return;
      const { exitCode, startedNs, finishedNs } = state;
      registry.update(entry, {
        manuallyStopped: true,
        state: { status: "exited", exitCode, startedNs, finishedNs, oomKilled: false },
      });
      entry.tellExit(entry.lastResult());
    });
  }

  #setAutoRemove(entry: ContainerEntry, autoRemove: boolean): void {
    this.#context.registry.update(entry, { spec: { ...entry.record.spec, autoRemove } });
  }

  /** After a run: the lock is held. */
  async #ended(entry: ContainerEntry, run: Run, exit: { exitCode: number; finishedNs: bigint }): Promise<void> {
    const { registry, stopping } = this.#context;
    const { state } = entry.record;
    const startedNs = "startedNs" in state ? (state.startedNs ?? exit.finishedNs) : exit.finishedNs;
    const seconds = Number((exit.finishedNs - startedNs) / 1_000_000_000n);
    const die = { exitCode: String(exit.exitCode), execDuration: String(Math.max(0, seconds)) };
    const restart =
      run.stopRequested || stopping.aborted ? undefined : nextRestart(entry.record, exit.exitCode, seconds);
    if (restart !== undefined) {
      registry.update(entry, {
        state: { status: "restarting", ...exit, startedNs },
        restartCount: entry.record.restartCount + 1,
      });
      registry.emit(entry, "die", die);
      this.#scheduleRestart(entry, restart.delayMs);
      return entry.tellExit({ exitCode: exit.exitCode });
    }
    registry.setState(entry, { status: "exited", ...exit, startedNs, oomKilled: run.oomKilled });
    registry.emit(entry, "die", die);
    entry.tellExit({ exitCode: exit.exitCode });
    if (entry.record.spec.autoRemove) await this.#removeNow(entry);
  }

  #scheduleRestart(entry: ContainerEntry, delayMs: number): void {
    const { locks, options, stopping, registry } = this.#context;
    entry.restartTimer = setTimeout(() => {
      const again = locks.run(entry.id, async () => {
        if (stopping.aborted || entry.record.state.status !== "restarting") return;
        await this.runner.start(entry);
      });
      again.catch((error: unknown) => {
        const starting = { context: this.#context, start: async (one: ContainerEntry) => this.start(one) };
        if (waitsFor(starting, entry, { error })) return;
        options.log.warn({ container: entry.id, error: messageOf(error) }, "container could not be restarted");
        if (registry.get(entry.id) === entry) entry.tellExit(entry.lastResult());
      });
    }, delayMs);
  }
}

function removeRefused(entry: ContainerEntry): EngineError {
  const { status } = entry.record.state;
  const advice =
    status === "paused"
      ? "container is paused and must be unpaused first"
      : `container is ${status}: stop the container before removing or force remove`;
  return new EngineError("conflict", `cannot remove container "/${entry.name}": ${advice}`);
}

function ignoreNotModified(error: unknown): void {
  if (!(error instanceof EngineError && error.code === "not-modified")) throw error;
}

/** Whether `promise` settles in time; undefined waits for ever. */
async function within(promise: Promise<void>, timeoutMs: number | undefined): Promise<boolean> {
  if (timeoutMs === undefined) return promise.then(() => true);
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), timeoutMs);
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
