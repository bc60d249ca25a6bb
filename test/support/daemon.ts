/**
 * A causewayd of its own for a test: started in the namespaces that the test runs in, with its own directories and socket,
 * spoken to by the real docker CLI, and stopped at the end. What it logged is kept for when a test fails.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { enteredBy } from "./first-child.ts";
import { run } from "./run.ts";
import type { Ran, RunOptions } from "./run.ts";

const PROGRAM = new URL("../../bin/causewayd.js", import.meta.url).pathname;
const START_MS = 60_000;
const STOP_MS = 60_000;
const LOG_SHOWN = 6_000;

export interface DaemonPlace {
  readonly flags: readonly string[];
  /** Put before its command line at each start; `nsenter`, or a program that ends by executing what follows. */
  readonly within: () => readonly string[];
}

export class TestDaemon implements AsyncDisposable {
  readonly directory: string;
  readonly #flags: readonly string[];
  readonly #within: () => readonly string[];
  #child: ChildProcess | undefined;
  #log = "";

  private constructor(directory: string, { flags, within }: Pick<DaemonPlace, "flags" | "within">) {
    this.directory = directory;
    this.#flags = flags;
    this.#within = within;
  }

  /** Resolves once the API listens; throws with the log when it does not come to that. */
  static async start(...flags: string[]): Promise<TestDaemon> {
    const daemon = TestDaemon.prepare({ flags, within: () => [] });
    await daemon.start();
    return daemon;
  }

  /** Its directories, for one that is started later, or in other namespaces than the test's. */
  static prepare(place: DaemonPlace): TestDaemon {
    const daemon = new TestDaemon(mkdtempSync(join(tmpdir(), "causeway-")), place);
    mkdirSync(join(daemon.directory, "home"));
    writeFileSync(join(daemon.directory, "daemon.json"), "{}");
    return daemon;
  }

  get host(): string {
    return `unix://${this.socket}`;
  }

  get socket(): string {
    return join(this.directory, "api.sock");
  }

  /** As seen from here; 0 before its first start. Where it has processes of its own it is a child of `nsenter`. */
  get pid(): number {
    const started = this.#child?.pid ?? 0;
    return started === 0 ? 0 : enteredBy(started);
  }

  /** The end of what it has logged so far. */
  get log(): string {
    return this.#log.slice(-LOG_SHOWN);
  }

  /** Starts it, the first time or again on the same directories. */
  async start(): Promise<void> {
    const command = [...this.#within(), process.execPath, PROGRAM, ...this.#ownFlags(), ...this.#flags];
    const child = spawn(command[0] ?? process.execPath, command.slice(1), {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child = child;
    const logged = this.#log.length;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error(`no API after ${START_MS / 1000} s:\n${this.log}`)), START_MS);
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      this.#log += chunk;
      if (this.#log.includes("API listen on", logged)) resolve();
    });
    child.once("exit", (code) => reject(new Error(`causewayd ended with status ${String(code)}:\n${this.log}`)));
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a signal and waits for the end; gives the exit status. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number> {
    if (!this.#runs) return this.ended();
    const pid = this.pid;
    process.kill(pid, signal);
    const timer = setTimeout(() => process.kill(pid, "SIGKILL"), STOP_MS);
    const status = await this.ended();
    clearTimeout(timer);
    return status;
  }

  /** Resolves once it has ended, whoever ended it; gives the exit status. */
  async ended(): Promise<number> {
    const child = this.#child;
    if (child === undefined) return 0;
    if (this.#runs) {
      const { promise, resolve } = Promise.withResolvers<void>();
      child.once("exit", () => resolve());
      await promise;
      this.#log += `\n(ended with status ${child.exitCode ?? 128})\n`;
    }
    return child.exitCode ?? 128;
  }

  /** The docker CLI, speaking to this daemon. */
  async docker(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return run(["docker", ...args], { ...options, environment: { ...this.environment(), ...options.environment } });
  }

  environment(): NodeJS.ProcessEnv {
    return { DOCKER_HOST: this.host, HOME: join(this.directory, "home"), DOCKER_CLI_HINTS: "false" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.removeDirectory();
  }

  /** Of one that has ended. */
  removeDirectory(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  get #runs(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  #ownFlags(): readonly string[] {
    const within = (name: string): string => join(this.directory, name);
    const values = {
      "-H": this.host,
      "--config-file": within("daemon.json"),
      "--pidfile": within("pid"),
      "--data-root": within("data"),
      "--exec-root": within("exec"),
      "--shutdown-timeout": "3",
    };
    return Object.entries(values).flat();
  }
}
