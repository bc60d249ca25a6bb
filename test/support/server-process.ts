/**
 * One foreign server for a test: started, asked until it serves, stopped, killed, started again on the same data. Its data lie
 * in a directory that goes with it; what it printed is kept for when something fails. It runs in the test's own network
 * namespace, or in another by a command put before it (`ip netns exec X`), which then asks it too.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { accessSync, constants, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { run } from "./run.ts";
import { until } from "./wait.ts";

/** Where `tools/setup.sh` keeps programs that it did not install. */
const CACHE = new URL("../../.cache/bin", import.meta.url).pathname;
const START_MS = 30_000;
const STOP_MS = 20_000;
const LOG_SHOWN = 4_000;

/** The program's path, wherever it is to be found here. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), CACHE, "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Where a server listens, and in which namespace. */
export interface ServerPlace {
  /** 127.0.0.1 unless said otherwise. */
  readonly address?: string;
  /** Put before every command line, such as `["ip", "netns", "exec", "store"]`. */
  readonly prefix?: readonly string[];
  /** Clients speak TLS with certificates of this CA (PEM files). */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** TCP ports that are free here. Of another namespace nothing is known: there the server's usual ones do. */
export async function freePorts(count: number, address: string): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject).listen(0, address, resolve);
    await promise;
    const bound = server.address();
    if (bound === null || typeof bound === "string") throw new Error("a TCP server without a port");
    ports.push(bound.port);
  }
  for (const server of servers) server.close();
  return ports;
}

export interface ServerProgram {
  readonly name: string;
  /** Given the directory that it may fill. */
  readonly command: (directory: string) => readonly [string, ...string[]];
  /** A command that prints text when asked whether the server serves, and whether the text says so. */
  readonly probe: readonly [string, ...string[]];
  readonly probeInput?: string;
  readonly serves: (answer: string) => boolean;
}

export class ServerProcess implements AsyncDisposable {
  readonly directory: string;
  readonly #program: ServerProgram;
  readonly #prefix: readonly string[];
  #child: ChildProcess | undefined;
  #log = "";

  constructor(program: ServerProgram, prefix: readonly string[] = []) {
    this.directory = mkdtempSync(join(tmpdir(), `${program.name}-`));
    this.#program = program;
    this.#prefix = prefix;
  }

  /** The end of what it has printed so far. */
  get log(): string {
    return this.#log.slice(-LOG_SHOWN);
  }

  get running(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Starts the process, not waiting for anything: members of a cluster wait for each other. */
  launch(): void {
    if (this.running) throw new Error(`${this.#program.name} runs already`);
    const [command = "", ...args] = [...this.#prefix, ...this.#program.command(this.directory)];
    const child = spawn(command, args, { cwd: this.directory, stdio: ["ignore", "pipe", "pipe"] });
    const keep = (chunk: string): void => {
      this.#log = (this.#log + chunk).slice(-4 * LOG_SHOWN);
    };
    child.once("error", (error) => keep(`${error.message}\n`));
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    this.#child = child;
  }

  /** Resolves once it serves; throws with its log when it does not come to that. */
  async serving(): Promise<void> {
    const { name, probe, probeInput, serves } = this.#program;
    const [command = "", ...args] = [...this.#prefix, ...probe];
    const ask = async (): Promise<boolean> => {
      if (!this.running) throw new Error(`${name} ended:\n${this.log}`);
      const { stdout } = await run([command, ...args], { ...(probeInput && { input: probeInput }), timeoutMs: 5_000 });
      return serves(stdout);
    };
    try {
      await until(`${name} serves`, ask, START_MS);
    } catch (cause) {
      throw new Error(`${name} does not serve:\n${this.log}`, { cause });
    }
  }

  async start(): Promise<void> {
    this.launch();
    await this.serving();
  }

  /** Resolves once the process is gone. Accepts absence. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.running) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    child.once("exit", () => resolve());
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await promise;
    clearTimeout(timer);
  }

  /** As a crash. */
  async kill(): Promise<void> {
    await this.stop("SIGKILL");
  }

  /** Frozen when this resolves: it holds its connections and answers nothing, until thawed. Its threads stop one by one. */
  async freeze(): Promise<void> {
    const pid = this.#child?.pid ?? 0;
    process.kill(pid, "SIGSTOP");
    await until(`process ${pid} is frozen`, () => threadsOf(pid).every((state) => state === "T"));
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** "T" for a thread that is stopped (proc(5), `stat`). */
function threadsOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).charAt(0);
  });
}
