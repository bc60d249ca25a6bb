/**
 * The real dockerd (Debian's docker.io) for a test, in the namespaces that the test runs in, with its own directories and
 * socket: what our daemon and our plugins are measured by. Stopped at the end; what it logged is kept for when a test fails.
 */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./run.ts";
import type { Ran, RunOptions } from "./run.ts";
import { until } from "./wait.ts";

const START_MS = 60_000;
const STOP_MS = 30_000;
const LOG_SHOWN = 6_000;

/** Why a test with it is to be skipped; undefined where there is one. */
export function withoutDockerd(): string | undefined {
  const { status } = spawnSync("sh", ["-c", "command -v dockerd"], { stdio: "ignore" });
  return status === 0 ? undefined : "there is no dockerd on this machine (Debian: package docker.io)";
}

export class TestDockerd implements AsyncDisposable {
  readonly directory: string;
  readonly #flags: readonly string[];
  readonly #within: readonly string[];
  #child: ChildProcess | undefined;
  #log = "";

  private constructor(directory: string, flags: readonly string[], within: readonly string[]) {
    this.directory = directory;
    this.#flags = flags;
    this.#within = within;
  }

  /** Resolves once it answers; throws with its log when it does not come to that. */
  static async start(...flags: string[]): Promise<TestDockerd> {
    return TestDockerd.startIn([], ...flags);
  }

  /** In the namespaces that `within`, put before its command line, enters. */
  static async startIn(within: readonly string[], ...flags: readonly string[]): Promise<TestDockerd> {
    const daemon = new TestDockerd(mkdtempSync(join(tmpdir(), "dockerd-")), flags, within);
    mkdirSync(join(daemon.directory, "home"));
    writeFileSync(join(daemon.directory, "daemon.json"), "{}");
    try {
      await daemon.start();
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
    return daemon;
  }

  get socket(): string {
    return join(this.directory, "docker.sock");
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** The end of what it has logged so far. */
  get log(): string {
    return this.#log.slice(-LOG_SHOWN);
  }

  /** Starts it, the first time or again on the same directories. */
  async start(): Promise<void> {
    const [program = "", ...words] = [...this.#within, "dockerd", ...this.#ownFlags(), ...this.#flags];
    const child = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (this.#log += chunk));
    const answers = async (): Promise<boolean> => {
      if (child.exitCode !== null) throw new Error(`dockerd ended with status ${child.exitCode}:\n${this.log}`);
      return (await this.docker(["version"])).status === 0;
    };
    await until("dockerd's API", answers, START_MS);
  }

  /** Sends a signal and waits for the end; gives the exit status. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? 0;
    const { promise, resolve } = Promise.withResolvers<number>();
    child.once("exit", (code) => resolve(code ?? 128));
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    const status = await promise;
    clearTimeout(timer);
    return status;
  }

  /** The docker CLI, speaking to this daemon. */
  async docker(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return run(["docker", ...args], { ...options, environment: { ...this.#environment(), ...options.environment } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #environment(): NodeJS.ProcessEnv {
    const home = join(this.directory, "home");
    return { DOCKER_HOST: `unix://${this.socket}`, HOME: home, DOCKER_CLI_HINTS: "false" };
  }

  #ownFlags(): readonly string[] {
    const within = (name: string): string => join(this.directory, name);
    const values = {
      "-H": `unix://${this.socket}`,
      "--config-file": within("daemon.json"),
      "--pidfile": within("pid"),
      "--data-root": within("data"),
      "--exec-root": within("exec"),
      "--storage-driver": "vfs",
      "--shutdown-timeout": "3",
    };
    return Object.entries(values).flat();
  }
}
