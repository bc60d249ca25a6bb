/** The test plugin on a host that is namespaces of its own, as a process there; what it was asked is read from outside. */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import type { SeenCall } from "../../src/drivers/remote/testing/scripted-plugin.ts";
import { until } from "./wait.ts";

const PROGRAM = new URL("veth-plugin-program.ts", import.meta.url).pathname;
const END_MS = 20_000;

export interface PluginPlace {
  commandOn(...command: string[]): readonly [string, ...string[]];
}

export class PluginOnHost implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #printed = "";
  #errors = "";

  private constructor(child: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.#child = child;
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (this.#printed += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (this.#errors += chunk));
  }

  /** Found by the host's daemon as `name` once this resolves. */
  static async start(host: PluginPlace, name: string, capabilities: object): Promise<PluginOnHost> {
    const [program, ...words] = host.commandOn(process.execPath, PROGRAM, name, JSON.stringify(capabilities));
    const plugin = new PluginOnHost(spawn(program, words, { stdio: ["pipe", "pipe", "pipe"] }));
    await until(`plugin ${name} listens`, () => {
      if (plugin.#isOver) throw new Error(`plugin ${name} ended: ${plugin.#errors}`);
      return plugin.#printed.includes("listening\n");
    });
    return plugin;
  }

  /** What `NetworkDriver.METHOD` was asked so far. */
  heard(method: string): readonly unknown[] {
    const lines = this.#printed.split("\n").filter((line) => line.startsWith("{"));
    const calls = lines.map((line): SeenCall => JSON.parse(line));
    return calls.filter((call) => call.method === `NetworkDriver.${method}`).map(({ request }) => request);
  }

  /** In order: its socket's file goes with it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return;
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), END_MS);
    const exited = once(this.#child, "exit");
    this.#child.stdin.end();
    await exited;
    clearTimeout(timer);
  }

  get #isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}
