/**
 * Finds a containerd, or keeps one of our own: as dockerd does, a child with its own root (under the data root), state and
 * socket (under the exec root), the CRI plugin off. A child that dies is started again after a bounded back-off; containers
 * live on meanwhile under their shims. `close` stops the child, never a containerd that somebody else runs.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../../base/log.ts";
import { EngineError, messageOf } from "../../base/errors.ts";
import { ContainerdClient } from "./client.ts";
import { listenerIsNeighbour } from "./neighbour.ts";

const SYSTEM_SOCKET = "/run/containerd/containerd.sock";
const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const BACKOFF_MS = { first: 100, most: 10_000 };
/** A child that served this long has earned a fresh back-off. */
const HEALTHY_MS = 30_000;

export interface SuperviseOptions {
  readonly address?: string;
  readonly own: boolean;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly log: Log;
}

export interface Containerd extends AsyncDisposable {
  readonly client: ContainerdClient;
  /** Process id of our child; undefined for somebody else's, and while ours is down. */
  pid(): number | undefined;
  /** Calls `listener` each time containerd serves again after it was away. */
  onReturn(listener: () => void): void;
}

/** Connects to a containerd, or starts one. Throws `unavailable` when none serves within 30 s. */
export async function openContainerd(options: SuperviseOptions): Promise<Containerd> {
  const address = options.address ?? (options.own ? undefined : await systemSocket(options.log));
  const supervised = new SupervisedContainerd(options, address);
  try {
    await supervised.open();
  } catch (error) {
    await supervised[Symbol.asyncDispose]();
    throw error;
  }
  return supervised;
}

/** The running containerd's, if it lives in our namespaces. */
async function systemSocket(log: Log): Promise<string | undefined> {
  const found = await stat(SYSTEM_SOCKET).catch(() => undefined);
  if (found?.isSocket() !== true) return undefined;
  using client = new ContainerdClient(SYSTEM_SOCKET);
  // A socket file may be all that a containerd left behind.
  const answers = await client.version(2000).then(
    () => true,
    () => false,
  );
  if (!answers || (await listenerIsNeighbour(SYSTEM_SOCKET))) return answers ? SYSTEM_SOCKET : undefined;
  log.warn({ socket: SYSTEM_SOCKET }, "the running containerd lives in other namespaces; starting our own");
  return undefined;
}

class SupervisedContainerd implements Containerd {
  readonly client: ContainerdClient;
  readonly #options: SuperviseOptions;
  readonly #directory: string;
  readonly #foreign: boolean;
  readonly #closing = new AbortController();
  readonly #listeners = new Set<() => void>();
  #child: ChildProcess | undefined;
  #keeper: Promise<void> | undefined;
  #lastError = "";

  constructor(options: SuperviseOptions, foreignAddress: string | undefined) {
    this.#options = options;
    this.#directory = join(options.execRoot, "containerd");
    this.#foreign = foreignAddress !== undefined;
    this.client = new ContainerdClient(foreignAddress ?? join(this.#directory, "containerd.sock"));
  }

  async open(): Promise<void> {
    if (!this.#foreign) {
      await this.#writeConfiguration();
      await this.#endOrphan();
      await this.#start();
    }
    await this.#waitUntilServing();
    this.#keeper = this.#foreign ? this.#watchForeign() : this.#keepChild();
  }

  pid(): number | undefined {
    return this.#child?.exitCode === null ? this.#child.pid : undefined;
  }

  onReturn(listener: () => void): void {
    this.#listeners.add(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      const inTime = await Promise.race([exited.then(() => true), delay(STOP_TIMEOUT_MS, false, { ref: false })]);
      if (!inTime) {
        child.kill("SIGKILL");
        await exited;
      }
    }
    await this.#keeper;
    this.client[Symbol.dispose]();
    if (this.#foreign) return;
    for (const name of ["containerd.sock", "containerd.sock.ttrpc", "containerd.pid"]) {
      await rm(join(this.#directory, name), { force: true });
    }
  }

  async #writeConfiguration(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o711 });
    await writeFile(join(this.#directory, "containerd.toml"), configuration(this.#options, this.client.address));
  }

  /** An engine that was killed leaves its containerd behind; it would hold the data root. Containers do not notice. */
  async #endOrphan(): Promise<void> {
    const pid = Number(await readFile(join(this.#directory, "containerd.pid"), "utf8").catch(() => "0"));
    const ours = async (): Promise<boolean> =>
      (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).includes(
        join(this.#directory, "containerd.toml"),
      );
    if (pid <= 1 || !(await ours())) return;
    this.#options.log.warn({ pid }, "ending the containerd that an earlier run left behind");
    process.kill(pid, "SIGTERM");
    const deadline = Date.now() + STOP_TIMEOUT_MS;
    while (await ours()) {
      if (Date.now() > deadline) process.kill(pid, "SIGKILL");
      await this.#pause(20);
    }
  }

  async #start(): Promise<void> {
    const child = spawn("containerd", ["--config", join(this.#directory, "containerd.toml")], {
      stdio: ["ignore", "ignore", "pipe"],
      // A signal to our process group (ctrl-c on a terminal) is ours to handle: containers end before containerd does.
      detached: true,
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => this.#noteOutput(text));
    this.#child = child;
    const failure = await Promise.race([
      once(child, "spawn").then(() => undefined),
      once(child, "error").then(([error]) => messageOf(error)),
    ]);
    if (failure === undefined) return writeFile(join(this.#directory, "containerd.pid"), String(child.pid));
    throw new EngineError("unavailable", `start containerd: ${failure} (install it with: apt-get install containerd)`);
  }

  #noteOutput(text: string): void {
    for (const line of text.split("\n")) {
      if (!/level=(error|fatal)|^containerd:/.test(line)) continue;
      this.#lastError = line.slice(0, 500);
      this.#options.log.debug({ containerd: line }, "containerd says");
    }
  }

  /** A child that dies is started again, until the engine closes. */
  async #keepChild(): Promise<void> {
    let backoffMs = BACKOFF_MS.first;
    for (;;) {
      const started = Date.now();
      const child = this.#child;
      if (child !== undefined && child.exitCode === null && child.signalCode === null) await once(child, "exit");
      if (this.#closing.signal.aborted) return;
      if (Date.now() - started > HEALTHY_MS) backoffMs = BACKOFF_MS.first;
      this.#options.log.warn({ backoffMs, lastError: this.#lastError }, "containerd ended; starting it again");
      await this.#pause(backoffMs);
      if (this.#closing.signal.aborted) return;
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MS.most);
      await this.#startAgain();
    }
  }

  async #startAgain(): Promise<void> {
    try {
      await this.#start();
      await this.#waitUntilServing();
      for (const listener of this.#listeners) listener();
    } catch (error) {
      this.#options.log.error({ error: messageOf(error) }, "containerd does not come back");
    }
  }

  /** Somebody else's containerd: only notice that it went and came back. */
  async #watchForeign(): Promise<void> {
    let serving = true;
    while (!this.#closing.signal.aborted) {
      await this.#pause(1000);
      const answers = await this.client.version(2000).then(
        () => true,
        () => false,
      );
      if (answers && !serving) for (const listener of this.#listeners) listener();
      serving = answers;
    }
  }

  async #waitUntilServing(): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    for (;;) {
      try {
        await this.client.version(1000);
        return;
      } catch (error) {
        const dead = !this.#foreign && this.pid() === undefined;
        if (Date.now() > deadline || dead || this.#closing.signal.aborted) {
          const reason = this.#lastError === "" ? messageOf(error) : this.#lastError;
          throw new EngineError("unavailable", `containerd at ${this.client.address} does not serve: ${reason}`);
        }
      }
      await this.#pause(20);
    }
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }
}

/**
 * containerd's configuration, format 2 (read by 1.x, migrated in memory by 2.x). Off: plugins for Kubernetes, for block
 * snapshotters, for tracing, and the one that makes /opt/containerd.
 */
function configuration(options: SuperviseOptions, address: string): string {
  const disabled = [
    "io.containerd.grpc.v1.cri",
    "io.containerd.internal.v1.opt",
    "io.containerd.internal.v1.tracing",
    "io.containerd.tracing.processor.v1.otlp",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.blockfile",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
  ];
  return [
    "version = 2",
    `root = ${JSON.stringify(join(options.dataRoot, "containerd"))}`,
    `state = ${JSON.stringify(join(options.execRoot, "containerd", "state"))}`,
    `disabled_plugins = ${JSON.stringify(disabled)}`,
    "[grpc]",
    `  address = ${JSON.stringify(address)}`,
    "[debug]",
    '  level = "warn"',
    "",
  ].join("\n");
}
