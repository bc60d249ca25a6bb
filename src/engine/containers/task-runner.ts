/**
 * One run of a container: from its settings to a process under a shim, and back to nothing when that process has ended. What
 * a run makes (network stack, fifos, log, containerd's records, the task and its mounts) is made in order, and all of it goes
 * when a step fails or when the run is over, in reverse.
 */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError, messageOf } from "../../base/errors.ts";
import { Rollback } from "../../base/rollback.ts";
import { present } from "../../store/record-reader.ts";
import { absentIsFine } from "../containerd/grpc-errors.ts";
import { timestampNs, type ExitReport, type Mount } from "../containerd/messages.ts";
import { encodeMessage } from "../containerd/protocol.ts";
import type { ContainerSpec } from "../container-spec.ts";
import type { EngineContext } from "../engine-context.ts";
import { SPEC_TYPE_URL, type RuntimeSpec } from "../oci/runtime-spec.ts";
import { JsonLog } from "../streams/json-log.ts";
import { ProcessStreams } from "../streams/process-streams.ts";
import type { ContainerEntry, Run } from "./container-entry.ts";
import type { ContainerNetworks } from "./container-networks.ts";
import { containerStartFailure, type StartFailure } from "./runtime-errors.ts";
import { rootMounts, taskConfig } from "./task-config.ts";

const RUNTIME = "io.containerd.runc.v2";
/** Between questions about a process while containerd is away. */
const RETRY_MS = 200;
/** What a process that nobody could ask is said to have ended with: killed. */
const LOST_EXIT_CODE = 137;

/** Called when a run is over and everything of it is gone; the container's lock is held. */
export type ExitHandler = (
  entry: ContainerEntry,
  run: Run,
  exit: { exitCode: number; finishedNs: bigint },
) => Promise<void>;

export class TaskRunner {
  readonly #context: EngineContext;
  readonly #networks: ContainerNetworks;
  readonly #onExit: ExitHandler;

  constructor(context: EngineContext, networks: ContainerNetworks, onExit: ExitHandler) {
    this.#context = context;
    this.#networks = networks;
    this.#onExit = onExit;
  }

  /** Starts the container's process; the caller holds its lock. Throws StartFailure's error after recording why. */
  async start(entry: ContainerEntry): Promise<void> {
    const { registry, options } = this.#context;
    try {
      await this.#launch(entry);
    } catch (cause) {
      const failure = cause instanceof LaunchError ? cause.failure : containerStartFailure(cause, "start");
      const { state } = entry.record;
      // One that ran before did run, whatever comes of this start: `docker ps` calls the others "Created".
      const startedNs = "startedNs" in state ? state.startedNs : undefined;
      registry.setState(entry, {
        status: "exited",
        ...present({ startedNs }),
        exitCode: failure.exitCode,
        finishedNs: options.clock.nowNs(),
        oomKilled: false,
        error: failure.error.message,
      });
      entry.hub.end();
      entry.tellStart();
      throw failure.error;
    }
  }

  async #launch(entry: ContainerEntry): Promise<void> {
    const { registry, options, containerd } = this.#context;
    const { client } = containerd;
    await using rollback = new Rollback();
    await this.removeLeftovers(entry);
    const mounts = await rootMounts(this.#context, entry.record);
    const { sandbox, hostname, environment } = await this.#networks.enter(entry);
    rollback.add("sandbox", () => this.#networks.leave(entry));
    registry.update(entry, { sandboxId: sandbox.id, hostname });
    const config = taskConfig(this.#context, entry.record, { mounts, sandbox, environment });
    await makeBindSources(entry.record.spec);
    const { streams, log } = await this.#openStreams(entry);
    rollback.add("log", () => log.close());
    rollback.add("streams", () => streams.close());
    await this.#createTask(entry, { config, mounts, streams, rollback });
    const { pid } = await client.tasks.start({ containerId: entry.id }).catch((cause: unknown) => {
      throw new LaunchError(containerStartFailure(cause, "start"));
    });
    rollback.commit();
    registry.update(entry, {
      state: { status: "running", pid, startedNs: options.clock.nowNs() },
      manuallyStopped: false,
    });
    this.#begin(entry, streams, log);
    registry.emit(entry, "start");
    entry.tellStart();
  }

  /** What a program that joins the container is told of its links, as far as they lead somewhere now. */
  linkEnvironment(entry: ContainerEntry): readonly string[] {
    return this.#networks.linkEnvironment(entry);
  }

  /** Takes over a task that an earlier engine started. */
  async adopt(entry: ContainerEntry): Promise<void> {
    const { streams, log } = await this.#openStreams(entry);
    this.#begin(entry, streams, log);
  }

  /** Ends and forgets whatever containerd still has under the container's id. Accepts that there is nothing. */
  async removeLeftovers(entry: { readonly id: string }): Promise<ExitReport | undefined> {
    const { client } = this.#context.containerd;
    const task = await absentIsFine(() => client.tasks.get({ containerId: entry.id }));
    let exit: ExitReport | undefined;
    if (task !== undefined) {
      if (task.status !== "STOPPED") {
        await absentIsFine(() => client.tasks.kill({ containerId: entry.id, signal: 9, all: true }));
        if (task.status === "PAUSED") await absentIsFine(() => client.tasks.resume(entry.id));
        await absentIsFine(() => client.tasks.wait({ containerId: entry.id }));
      }
      exit = await absentIsFine(() => client.tasks.delete(entry.id));
    }
    await absentIsFine(() => client.containers.delete(entry.id));
    return exit;
  }

  async #openStreams(entry: ContainerEntry): Promise<{ streams: ProcessStreams; log: JsonLog }> {
    const { options } = this.#context;
    const { openStdin, tty } = entry.record.spec;
    await mkdir(entry.directory, { recursive: true, mode: 0o710 });
    const log = await JsonLog.open(entry.logPath, { clock: options.clock, log: options.log });
    const streams = new ProcessStreams({
      directory: join(options.execRoot, "io", entry.id),
      stdin: openStdin,
      stdout: true,
      stderr: true,
      terminal: tty,
      hub: entry.hub,
      log,
    });
    return { streams, log };
  }

  async #createTask(
    entry: ContainerEntry,
    parts: { config: RuntimeSpec; mounts: readonly Mount[]; streams: ProcessStreams; rollback: Rollback },
  ): Promise<void> {
    const { client } = this.#context.containerd;
    const { record } = entry;
    const options = {
      type_url: "containerd.runc.v1.Options",
      value: encodeMessage("containerd.runc.v1.Options", { root: join(this.#context.options.execRoot, "runc") }),
    };
    await client.containers.create({
      id: entry.id,
      labels: {},
      image: record.spec.image,
      runtime: { name: RUNTIME, options },
      spec: { type_url: SPEC_TYPE_URL, value: Buffer.from(JSON.stringify(parts.config)) },
      snapshotter: this.#context.snapshotter,
      snapshotKey: entry.id,
    });
    parts.rollback.add("containerd's records", () => this.removeLeftovers(entry).then(() => undefined));
    const request = { containerId: entry.id, rootfs: parts.mounts, options, ...parts.streams.paths };
    await client.tasks.create(request).catch((cause: unknown) => {
      throw new LaunchError(containerStartFailure(cause, "create"));
    });
  }

  #begin(entry: ContainerEntry, streams: ProcessStreams, log: JsonLog): void {
    const { promise: finished, resolve } = Promise.withResolvers<void>();
    const ending = this.waitForExit({ containerId: entry.id });
    const gone = ending.then(() => undefined);
    const run: Run = { streams, log, gone, finished, oomKilled: false, stopRequested: false };
    entry.run = run;
    void this.#watch(entry, run, ending).finally(resolve);
  }

  async #watch(entry: ContainerEntry, run: Run, ending: Promise<ExitReport | undefined>): Promise<void> {
    const { options, locks, closing } = this.#context;
    const exit = await ending;
    if (exit === undefined) {
      run.streams.detach();
      await run.log.close();
      entry.hub.end();
      return;
    }
    try {
      await locks.run(entry.id, () => this.#finish(entry, run, exit));
    } catch (error) {
      if (!closing.aborted) {
        options.log.error({ container: entry.id, error: messageOf(error) }, "end of container not dealt with");
      }
    }
  }

  /** How the process ended; undefined when the engine closes first. Survives containerd's absence. */
  async waitForExit(process: {
    readonly containerId: string;
    readonly execId?: string;
  }): Promise<ExitReport | undefined> {
    const { containerd, closing } = this.#context;
    while (!closing.aborted) {
      try {
        return await containerd.client.tasks.wait(process);
      } catch (error) {
        const known = await this.#exitOf(process, error);
        if (known !== undefined) return known;
      }
      await delay(RETRY_MS);
    }
    return undefined;
  }

  /** After a failed wait: the exit if there was one, undefined when it must be asked again. */
  async #exitOf(process: { readonly containerId: string; readonly execId?: string }, error: unknown) {
    if (error instanceof EngineError && error.code === "unavailable") return undefined;
    try {
      const task = await absentIsFine(() => this.#context.containerd.client.tasks.get(process));
      if (task === undefined) return { exitStatus: LOST_EXIT_CODE, exitedAt: null };
      return task.status === "STOPPED" ? task : undefined;
    } catch {
      // Asked again by the caller.
      return undefined;
    }
  }

  async #finish(entry: ContainerEntry, run: Run, exit: ExitReport): Promise<void> {
    const { options } = this.#context;
    await run.streams.drain();
    const steps: readonly (readonly [string, () => Promise<unknown>])[] = [
      ["containerd's records", () => this.removeLeftovers(entry)],
      ["streams", () => run.streams.close()],
      ["log", () => run.log.close()],
      ["network", () => this.#networks.leave(entry)],
    ];
    for (const [what, step] of steps) {
      await step().catch((error: unknown) => {
        options.log.error({ container: entry.id, what, error: messageOf(error) }, "container left something behind");
      });
    }
    entry.run = undefined;
    entry.hub.end();
    const finishedNs = timestampNs(exit.exitedAt) ?? options.clock.nowNs();
    await this.#onExit(entry, run, { exitCode: exit.exitStatus, finishedNs });
  }
}

/** A host directory that does not exist is made, as `docker run -v` has it; `--mount` is refused long before. */
async function makeBindSources(spec: ContainerSpec): Promise<void> {
  for (const { type, source } of spec.mounts) {
    if (type !== "bind" || existsSync(source)) continue;
    await mkdir(source, { recursive: true, mode: 0o755 });
  }
}

/** A failure whose exit code is known already. */
class LaunchError extends Error {
  readonly failure: StartFailure;

  constructor(failure: StartFailure) {
    super(failure.error.message, { cause: failure.error });
    this.failure = failure;
  }
}
