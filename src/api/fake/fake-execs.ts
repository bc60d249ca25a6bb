/** Processes added to running containers, in memory. */
import { EngineError } from "../../base/errors.ts";
import { newId } from "../../base/ids.ts";
import type { AttachedStreams, Exec, Execs, ExecSpec, TerminalSize } from "../../engine/engine.ts";
import type { FakeContainers } from "./fake-containers.ts";
import { FakeProcess } from "./fake-process.ts";

interface Entry {
  view: Exec;
  readonly process: FakeProcess;
}

export class FakeExecs implements Execs {
  readonly #entries = new Map<string, Entry>();
  readonly #containers: FakeContainers;

  constructor(containers: FakeContainers) {
    this.#containers = containers;
  }

  async create(container: string, spec: ExecSpec): Promise<string> {
    const { view } = this.#containers.running(container, "exec");
    const id = newId();
    const process = new FakeProcess({ command: spec.command, tty: spec.tty, stdin: spec.attachStdin });
    this.#entries.set(id, { view: { id, containerId: view.id, spec, state: { status: "created" } }, process });
    return id;
  }

  async start(
    id: string,
    options: { readonly detach: boolean; readonly size?: TerminalSize },
  ): Promise<AttachedStreams | undefined> {
    const entry = this.#entry(id);
    if (entry.view.state.status !== "created") throw new EngineError("conflict", `exec ${id} was started already`);
    if (entry.view.spec.command[0] === "missing") {
      entry.view = { ...entry.view, state: { status: "exited", exitCode: 127 } };
      throw new EngineError("invalid-argument", 'exec: "missing": executable file not found in $PATH');
    }
    entry.view = { ...entry.view, state: { status: "running", pid: 4712 } };
    if (options.size !== undefined) entry.process.resize(options.size);
    const attach = { stdin: entry.view.spec.attachStdin, logs: false, stream: true };
    const streams = options.detach ? undefined : entry.process.attach(attach);
    void this.#watch(entry);
    entry.process.start();
    return streams;
  }

  async #watch(entry: Entry): Promise<void> {
    const exitCode = await entry.process.exit;
    entry.view = { ...entry.view, state: { status: "exited", exitCode } };
  }

  async resize(id: string, size: TerminalSize): Promise<void> {
    this.#entry(id).process.resize(size);
  }

  find(id: string): Exec {
    return this.#entry(id).view;
  }

  openStreams(): number {
    return [...this.#entries.values()].reduce((sum, { process }) => sum + process.openStreams, 0);
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new EngineError("not-found", `No such exec instance: ${id}`);
    return entry;
  }
}
