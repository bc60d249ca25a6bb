/**
 * Further processes in running containers (`docker exec`): made as a record, started once, kept for inspection for a while
 * after their end, dropped with their container.
 */
import { join } from "node:path";
import type { Readable } from "node:stream";
import { EngineError, messageOf } from "../../base/errors.ts";
import { newId } from "../../base/ids.ts";
import type { ContainerEntry } from "../containers/container-entry.ts";
import { execStartFailure } from "../containers/runtime-errors.ts";
import { execProcess, rootMounts, taskConfig } from "../containers/task-config.ts";
import type { TaskRunner } from "../containers/task-runner.ts";
import type { EngineContext } from "../engine-context.ts";
import type { AttachedStreams, Exec, Execs, ExecSpec, TerminalSize } from "../engine.ts";
import { PROCESS_TYPE_URL } from "../oci/runtime-spec.ts";
import { OutputHub } from "../streams/output-hub.ts";
import { ProcessStreams } from "../streams/process-streams.ts";

/** How long a finished exec can be inspected, as in dockerd. */
const KEEP_MS = 5 * 60_000;

interface ExecEntry {
  exec: Exec;
  starting: boolean;
  readonly container: ContainerEntry;
}

export class ExecStore implements Execs {
  readonly #context: EngineContext;
  readonly #runner: Pick<TaskRunner, "waitForExit" | "linkEnvironment">;
  readonly #entries = new Map<string, ExecEntry>();
  readonly #watching = new Set<Promise<void>>();

  constructor(context: EngineContext, runner: Pick<TaskRunner, "waitForExit" | "linkEnvironment">) {
    this.#context = context;
    this.#runner = runner;
  }

  async create(reference: string, spec: ExecSpec): Promise<string> {
    const container = this.#context.registry.find(reference);
    refuseUnlessRunning(container);
    if (spec.command.length === 0) throw new EngineError("invalid-argument", "No exec command specified");
    const id = newId();
    const exec: Exec = { id, containerId: container.id, spec, state: { status: "created" } };
    this.#entries.set(id, { exec, container, starting: false });
    container.execIds.add(id);
    this.#emit(container, exec, `exec_create: ${spec.command.join(" ")}`);
    return id;
  }

  find(id: string): Exec {
    return this.#find(id).exec;
  }

  async start(
    id: string,
    options: { readonly detach: boolean; readonly size?: TerminalSize },
  ): Promise<AttachedStreams | undefined> {
    const entry = this.#find(id);
    refuseUnlessRunning(entry.container);
    if (entry.exec.state.status === "running") {
      throw new EngineError("conflict", `exec command ${id} is already running`);
    }
    if (entry.starting || entry.exec.state.status === "exited") {
      throw new EngineError("conflict", `exec command ${id} has already run`);
    }
    entry.starting = true;
    const { spec } = entry.exec;
    const hub = new OutputHub();
    // Before the start, so that nothing of the output is missed.
    const output = options.detach
      ? undefined
      : hub.attach({ stdout: spec.attachStdout, stderr: spec.attachStderr && !spec.tty });
    const streams = this.#openStreams(entry, hub, options.detach);
    try {
      await this.#launch(entry, streams, options.size);
    } catch (error) {
      output?.destroy();
      throw error;
    }
    if (output === undefined) return undefined;
    return this.#attached(entry, streams, output);
  }

  async resize(id: string, size: TerminalSize): Promise<void> {
    const { exec } = this.#find(id);
    if (exec.state.status !== "running") throw new EngineError("conflict", `exec ${id} is not running`);
    const process = { containerId: exec.containerId, execId: id };
    await this.#context.containerd.client.tasks.resize({ ...process, width: size.columns, height: size.rows });
  }

  /** Answers when nothing of a running exec is held any more; the engine closes. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#watching);
  }

  /** The container is gone. */
  forget(container: ContainerEntry): void {
    for (const id of container.execIds) this.#entries.delete(id);
    container.execIds.clear();
  }

  #attached(entry: ExecEntry, streams: ProcessStreams, output: Readable): AttachedStreams {
    const { spec } = entry.exec;
    if (!spec.attachStdin) return { output, tty: spec.tty };
    const { client } = this.#context.containerd;
    const { log } = this.#context.options;
    const closeStdin = async (): Promise<void> => {
      await streams.endStdin();
      // A process that is ending has no stdin to close.
      await client.tasks
        .closeStdin({ containerId: entry.container.id, execId: entry.exec.id })
        .catch((error: unknown) =>
          log.debug({ exec: entry.exec.id, error: messageOf(error) }, "stdin could not be closed"),
        );
    };
    return { output, tty: spec.tty, stdin: streams.stdinWriter(spec.tty ? undefined : closeStdin) };
  }

  #openStreams({ exec, container }: ExecEntry, hub: OutputHub, detach: boolean): ProcessStreams {
    const { spec } = exec;
    return new ProcessStreams({
      directory: join(this.#context.options.execRoot, "io", `${container.id}-${exec.id.slice(0, 12)}`),
      stdin: spec.attachStdin && !detach,
      stdout: spec.attachStdout || spec.tty,
      stderr: spec.attachStderr,
      terminal: spec.tty,
      hub,
    });
  }

  async #launch(entry: ExecEntry, streams: ProcessStreams, size: TerminalSize | undefined): Promise<void> {
    const { client } = this.#context.containerd;
    const { exec, container } = entry;
    const process = { containerId: container.id, execId: exec.id };
    try {
      const value = Buffer.from(JSON.stringify(await this.#processSpec(container, exec.spec, size)));
      await client.tasks.exec({ ...process, ...streams.paths, spec: { type_url: PROCESS_TYPE_URL, value } });
      const { pid } = await client.tasks.start(process);
      entry.exec = { ...exec, state: { status: "running", pid } };
    } catch (cause) {
      await client.tasks.deleteProcess(process).catch(() => undefined);
      await streams.close();
      const failure = execStartFailure(cause, container.id);
      this.#ended(entry, failure.exitCode);
      throw failure.error;
    }
    this.#emit(container, exec, `exec_start: ${exec.spec.command.join(" ")}`);
    const watching = this.#watch(entry, streams, process).finally(() => void this.#watching.delete(watching));
    this.#watching.add(watching);
  }

  async #processSpec(container: ContainerEntry, spec: ExecSpec, size: TerminalSize | undefined): Promise<object> {
    const { record } = container;
    const mounts = await rootMounts(this.#context, record);
    const environment = this.#runner.linkEnvironment(container);
    const process = execProcess(taskConfig(this.#context, record, { mounts, environment }), spec, { mounts, record });
    return size === undefined ? process : { ...process, consoleSize: { height: size.rows, width: size.columns } };
  }

  async #watch(
    entry: ExecEntry,
    streams: ProcessStreams,
    process: { readonly containerId: string; readonly execId: string },
  ): Promise<void> {
    const exit = await this.#runner.waitForExit(process);
    if (exit !== undefined) {
      await streams.drain();
      await this.#context.containerd.client.tasks.deleteProcess(process).catch(() => undefined);
    }
    // Before the output ends: a client asks for the exit code as soon as it does.
    this.#ended(entry, exit?.exitStatus ?? 137);
    streams.endReaders();
    await streams.close();
  }

  #ended(entry: ExecEntry, exitCode: number): void {
    const { id } = entry.exec;
    entry.exec = { ...entry.exec, state: { status: "exited", exitCode } };
    entry.container.execIds.delete(id);
    this.#emit(entry.container, entry.exec, "exec_die", { exitCode: String(exitCode) });
    setTimeout(() => this.#entries.delete(id), KEEP_MS).unref();
  }

  #find(id: string): ExecEntry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new EngineError("not-found", `No such exec instance: ${id}`);
    return entry;
  }

  #emit(container: ContainerEntry, exec: Exec, action: string, more: Readonly<Record<string, string>> = {}): void {
    this.#context.registry.emit(container, action, { ...more, execID: exec.id });
  }
}

function refuseUnlessRunning(container: ContainerEntry): void {
  const { status } = container.record.state;
  if (status === "running") return;
  const text =
    status === "paused"
      ? `Container ${container.id} is paused, unpause the container before exec`
      : status === "restarting"
        ? `Container ${container.id} is restarting, wait until the container is running`
        : `container ${container.id} is not running`;
  throw new EngineError("conflict", text);
}
