/**
 * A machine of the lab: namespaces of its own (network, mounts, processes, host name), held by a process 1 that does nothing.
 * Switched off, all its processes die at once, as by a power cut, and nothing of it is left but its disk, which is a directory
 * that all machines see. Switched on again it is the same machine after a boot: new namespaces, an empty /run.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { firstChild } from "../support/first-child.ts";
import { until } from "../support/wait.ts";

const SCRIPT = new URL("machine.sh", import.meta.url).pathname;
const CGROUPS = "/sys/fs/cgroup";
const UNSHARE = ["--net", "--mount", "--propagation", "private", "--uts", "--pid", "--fork", "--kill-child"];
const ON_MS = 20_000;
/** Its processes are killed at once, but a busy kernel takes its time to bury them. */
const OFF_MS = 60_000;

export class Machine implements AsyncDisposable {
  readonly name: string;
  /**
   * For `--cgroup-parent`: control groups are the kernel's, not a namespace's, and go when it is switched off. Numbers of processes do
   * not tell labs apart that run at the same time in process namespaces of their own.
   */
  readonly cgroupParent = `/causeway-lab-${randomUUID()}`;
  #holder: ChildProcess | undefined;
  #init = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** Its process 1 as seen from here; 0 while it is off. */
  get pid(): number {
    return this.#init;
  }

  /** To put before a command that shall run on it. The command is then a child of `nsenter`. */
  get within(): readonly [string, ...string[]] {
    if (this.#init === 0) throw new Error(`${this.name} is off`);
    return ["nsenter", `--target=${this.#init}`, "--net", "--mount", "--uts", "--pid", "--"];
  }

  async switchOn(): Promise<void> {
    if (this.#holder !== undefined) throw new Error(`${this.name} is on already`);
    const command = [...UNSHARE, "--mount-proc", "bash", SCRIPT, this.name];
    const holder = spawn("unshare", command, { stdio: ["pipe", "pipe", "pipe"] });
    this.#holder = holder;
    let printed = "";
    for (const stream of [holder.stdout, holder.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => (printed += chunk));
    }
    const isOn = (): boolean => {
      if (isOver(holder)) throw new Error(`${this.name} does not come up: ${printed}`);
      return printed.includes("on\n");
    };
    await until(`${this.name} is on`, isOn, ON_MS);
    this.#init = firstChild(holder.pid ?? 0) ?? 0;
  }

  /** As a power cut. Resolves once nothing of it runs; accepts that it is off. */
  async switchOff(): Promise<void> {
    const holder = this.#holder;
    if (holder === undefined) return;
    if (!isOver(holder)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      holder.once("exit", () => resolve());
      // It takes process 1 with it, and that all others.
      holder.kill("SIGKILL");
      await promise;
    }
    this.#holder = undefined;
    const init = this.#init;
    this.#init = 0;
    await until(`process 1 of ${this.name} is gone`, () => init === 0 || isGone(init), OFF_MS);
    await until(`control groups of ${this.name} are gone`, () => this.#removeCgroups(), OFF_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.switchOff();
  }

  /** Of every hierarchy; a group whose last process is still on its way out is busy. */
  #removeCgroups(): boolean {
    const hierarchies = readdirSync(CGROUPS, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const places = [CGROUPS, ...hierarchies.map(({ name }) => join(CGROUPS, name))];
    return places.map((place) => removeGroup(join(place, this.cgroupParent))).every((isRemoved) => isRemoved);
  }
}

function removeGroup(path: string): boolean {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeGroup(join(path, entry.name));
    }
    rmdirSync(path);
    return true;
  } catch (cause) {
    return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
  }
}

function isOver(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function isGone(pid: number): boolean {
  try {
    // A zombie holds nothing any more but its number.
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return true;
  }
}
