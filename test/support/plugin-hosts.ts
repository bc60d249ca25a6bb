/**
 * Plain Docker hosts for a test, each a network, mount and UTS namespace on one wire with the others, with Debian's dockerd and
 * `causeway plugin`; a store that they share listens in the test's own namespace.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeBusyboxTar } from "../../tools/demo/busybox-tar.ts";
import { startStore, type ClusterServers } from "./cluster-servers.ts";
import { TestDockerd } from "./dockerd.ts";
import { run, type Ran } from "./run.ts";
import { until } from "./wait.ts";

const PROGRAM = new URL("../../bin/causeway.js", import.meta.url).pathname;
/** Of the test's own namespace; host N is .N. */
const OWN_ADDRESS = "10.99.0.254";
const STOP_MS = 20_000;
const LOG_SHOWN = 6_000;

/** `causeway plugin` on a host. */
export class TestPlugin {
  readonly #command: readonly string[];
  #child: ChildProcess | undefined;
  #log = "";

  constructor(command: readonly string[]) {
    this.#command = command;
  }

  get log(): string {
    return this.#log.slice(-LOG_SHOWN);
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves once dockerd can find it. */
  async start(): Promise<void> {
    const [program = "", ...words] = this.#command;
    const child = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    const logged = this.#log.length;
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (this.#log += chunk));
    await until(
      "the plugin listens",
      () => {
        if (child.exitCode !== null) throw new Error(`the plugin ended with status ${child.exitCode}:\n${this.log}`);
        return this.#log.includes("plugin listens on", logged);
      },
      30_000,
    );
  }

  /** Gives the exit status. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? 128;
    child.kill(signal);
    await until("the plugin ends", () => child.exitCode !== null || child.signalCode !== null, STOP_MS);
    return child.exitCode ?? 128;
  }
}

export class PluginHost implements AsyncDisposable {
  readonly name: string;
  /** The plugin's directories are in here: `data` and `run`. */
  readonly state: string;
  readonly dockerd: TestDockerd;
  readonly plugin: TestPlugin;
  /** Put before a command line, it enters the host. */
  readonly within: readonly string[];
  readonly #holder: ChildProcess;

  constructor(parts: {
    readonly name: string;
    readonly state: string;
    readonly dockerd: TestDockerd;
    readonly plugin: TestPlugin;
    readonly holder: ChildProcess;
    readonly within: readonly string[];
  }) {
    this.name = parts.name;
    this.state = parts.state;
    this.dockerd = parts.dockerd;
    this.plugin = parts.plugin;
    this.#holder = parts.holder;
    this.within = parts.within;
  }

  /** The docker CLI, with words divided by spaces; must succeed. Gives what it printed without the last line end. */
  async ok(line: string): Promise<string> {
    const ran = await this.dockerd.docker(line.split(" "));
    if (ran.status === 0) return ran.stdout.trimEnd();
    throw new Error(
      `${this.name}: docker ${line}: ${ran.stderr}${ran.stdout}\n${this.dockerd.log}\nplugin:\n${this.plugin.log}`,
    );
  }

  /** What a line complained that must fail. */
  async fails(line: string): Promise<string> {
    const ran = await this.dockerd.docker(line.split(" "));
    if (ran.status !== 0) return ran.stderr.trim();
    throw new Error(`${this.name}: docker ${line} should have failed: ${ran.stdout}`);
  }

  async does(line: string): Promise<boolean> {
    return (await this.dockerd.docker(line.split(" "))).status === 0;
  }

  /** The host's file system, seen from here. */
  get root(): string {
    return `/proc/${this.#holder.pid ?? 0}/root`;
  }

  /** A command in the host's namespaces. */
  async run(...command: string[]): Promise<Ran> {
    const [program = "", ...words] = [...this.within, ...command];
    return run([program, ...words]);
  }

  /** As a machine that fails: whatever runs there is gone at once, its containers too. */
  async crash(): Promise<void> {
    const ids = (await this.ok("ps -q")).split("\n").filter((id) => id !== "");
    const containers = ids.length === 0 ? "" : await this.ok(`inspect -f {{.State.Pid}} ${ids.join(" ")}`);
    const daemons = (await run(["ip", "netns", "pids", this.name])).stdout;
    const all = `${containers}\n${daemons}`
      .split("\n")
      .filter((pid) => pid !== "")
      .map(Number);
    for (const pid of all.filter((each) => each !== this.#holder.pid)) killIfThere(pid);
    await this.dockerd.stop("SIGKILL");
    await this.plugin.stop("SIGKILL");
  }

  async setWire(state: "up" | "down"): Promise<void> {
    await must(["ip", "link", "set", wireOf(this.name), state]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.dockerd.pid !== 0) {
      const ids = (await this.dockerd.docker(["ps", "-aq"])).stdout.split(/\s+/).filter((id) => id !== "");
      if (ids.length > 0) await this.dockerd.docker(["rm", "-f", ...ids]);
    }
    await this.dockerd[Symbol.asyncDispose]();
    await this.plugin.stop();
    this.#holder.kill("SIGKILL");
    await must(["ip", "netns", "delete", this.name]);
  }
}

export interface PluginHostFlags {
  /** By the host's number. */
  readonly dockerd?: (number: number) => readonly string[];
  readonly plugin?: readonly string[];
  /** No store is started, and plugins know of none; or nothing but the hosts. */
  readonly without?: "store" | "store and plugin";
}

export class PluginHosts implements AsyncDisposable {
  /** Absent where they are without. */
  readonly store: ClusterServers | undefined;
  readonly hosts: readonly PluginHost[];
  /** Gone with them. */
  readonly directory: string;
  readonly #parts: AsyncDisposableStack;

  private constructor(
    parts: Pick<PluginHosts, "store" | "hosts" | "directory"> & { readonly closing: AsyncDisposableStack },
  ) {
    this.store = parts.store;
    this.hosts = parts.hosts;
    this.directory = parts.directory;
    this.#parts = parts.closing;
  }

  /** host1, host2, ... with busybox loaded, dockerd and plugin started. */
  static async start(count: number, flags: PluginHostFlags = {}): Promise<PluginHosts> {
    await using undo = new AsyncDisposableStack();
    const directory = mkdtempSync(join(tmpdir(), "plugin-hosts-"));
    undo.defer(() => rmSync(directory, { recursive: true, force: true }));
    await must(["ip", "link", "add", "wires", "type", "bridge"]);
    undo.defer(() => must(["ip", "link", "delete", "wires"]));
    await must(["ip", "link", "set", "wires", "up"]);
    await must(["ip", "address", "add", `${OWN_ADDRESS}/24`, "dev", "wires"]);
    const store =
      flags.without !== undefined ? undefined : undo.use(await startStore("etcd", { address: OWN_ADDRESS }));
    const tar = join(directory, "busybox.tar");
    makeBusyboxTar(tar);
    const hosts: PluginHost[] = [];
    for (let number = 1; number <= count; number++) {
      const own = { directory, store: `${store?.url ?? ""}/test`, ...flags };
      const host = undo.use(await startHost(number, own));
      await host.ok(`import ${tar} busybox`);
      hosts.push(host);
    }
    return new PluginHosts({ store, hosts, directory, closing: undo.move() });
  }

  /** Of the hosts' common records, in the store. */
  async keys(): Promise<readonly string[]> {
    const [endpoint = ""] = this.store?.hosts ?? [];
    const { stdout } = await run(["etcdctl", `--endpoints=${endpoint}`, "get", "--prefix", "--keys-only", "/"], {
      environment: { ETCDCTL_API: "3" },
    });
    return stdout.split("\n").filter((line) => line !== "");
  }

  /** Counted from 1. */
  host(number: number): PluginHost {
    const host = this.hosts[number - 1];
    if (host === undefined) throw new Error(`there is no host ${number}`);
    return host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }
}

interface HostFlags extends PluginHostFlags {
  readonly directory: string;
  readonly store: string;
}

async function startHost(number: number, flags: HostFlags): Promise<PluginHost> {
  const name = `host${number}`;
  const address = `10.99.0.${number}`;
  for (const command of [
    ["ip", "netns", "add", name],
    ["ip", "link", "add", wireOf(name), "type", "veth", "peer", "name", "eth0", "netns", name],
    ["ip", "link", "set", wireOf(name), "master", "wires", "up"],
    ["ip", "-n", name, "address", "add", `${address}/24`, "dev", "eth0"],
    ["ip", "-n", name, "link", "set", "lo", "up"],
    ["ip", "-n", name, "link", "set", "eth0", "up"],
    ["ip", "-n", name, "route", "add", "default", "via", OWN_ADDRESS],
  ] satisfies [string, ...string[]][]) {
    await must(command);
  }
  const holder = await holdNamespaces(name);
  const within = ["nsenter", `--target=${holder.pid ?? 0}`, "--net", "--mount", "--uts"];
  const dockerd = await TestDockerd.startIn(within, ...(flags.dockerd?.(number) ?? []));
  const state = join(flags.directory, name);
  mkdirSync(state);
  const cluster = [`--cluster-store=${flags.store}`, `--cluster-advertise=${address}:2376`];
  const pluginFlags = [
    ...(flags.without === undefined ? cluster : []),
    `--data-root=${state}/data`,
    `--exec-root=${state}/run`,
    `--docker-socket=${dockerd.socket}`,
  ];
  const command = [...within, process.execPath, PROGRAM, "plugin", ...pluginFlags, ...(flags.plugin ?? [])];
  const plugin = new TestPlugin(command);
  if (flags.without !== "store and plugin") await plugin.start();
  return new PluginHost({ name, state, dockerd, plugin, holder, within });
}

/** A process that does nothing but have them, so that what is mounted there outlives dockerd. */
async function holdNamespaces(name: string): Promise<ChildProcess> {
  const own =
    'hostname "$0"; mkdir -p /var/lib/causeway-plugin; ' +
    "for d in /run /var/lib/causeway-plugin; do mount -t tmpfs host $d; done; echo ready; exec sleep infinity";
  const command = [`--net=/run/netns/${name}`, "unshare", "--uts", "--mount", "sh", "-c", own, name];
  const holder = spawn("nsenter", command, { stdio: ["ignore", "pipe", "inherit"] });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  holder.stdout.once("data", () => resolve());
  holder.once("exit", () => reject(new Error(`no namespaces for ${name}`)));
  await promise;
  return holder;
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It went with another.
  }
}

function wireOf(host: string): string {
  return `to-${host}`;
}

async function must(command: readonly [string, ...string[]]): Promise<void> {
  const ran = await run(command);
  if (ran.status !== 0) throw new Error(`${command.join(" ")}: ${ran.stderr}`);
}
