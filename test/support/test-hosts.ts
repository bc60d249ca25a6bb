/**
 * Hosts for tests of what they share: each a network namespace with a host name of its own, a wire to a bridge that all have in
 * common, and a causewayd. The test's own namespace is on that bridge too, and has the cluster's store.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeBusyboxTar } from "../../tools/demo/busybox-tar.ts";
import { startStore, type ClusterServers, type StoreKind } from "./cluster-servers.ts";
import { TestDaemon } from "./daemon.ts";
import { run, type Ran } from "./run.ts";

/** Of the test's own namespace on the bridge; host N is .N. */
const OWN_ADDRESS = "10.99.0.254";

export class TestHost {
  readonly name: string;
  readonly address: string;
  readonly daemon: TestDaemon;

  constructor(parts: { readonly name: string; readonly address: string; readonly daemon: TestDaemon }) {
    this.name = parts.name;
    this.address = parts.address;
    this.daemon = parts.daemon;
  }

  /** The docker CLI against this host's daemon, with words divided by spaces. */
  async docker(line: string): Promise<Ran> {
    return this.daemon.docker(line.split(" "));
  }

  /** Of a line that must succeed; without the last line end. */
  async ok(line: string): Promise<string> {
    const ran = await this.docker(line);
    if (ran.status === 0) return ran.stdout.trimEnd();
    throw new Error(`${this.name}: docker ${line}: ${ran.stderr}${ran.stdout}\n${this.daemon.log}`);
  }

  /** What a line complained that must fail. */
  async fails(line: string): Promise<string> {
    const ran = await this.docker(line);
    if (ran.status !== 0) return ran.stderr.trim();
    throw new Error(`${this.name}: docker ${line} should have failed: ${ran.stdout}`);
  }

  /** A command in the host's namespace. */
  async run(...command: string[]): Promise<Ran> {
    return run(["ip", "netns", "exec", this.name, ...command]);
  }

  /** Takes its wire away, or puts it back. */
  async setWire(state: "up" | "down"): Promise<void> {
    await must(["ip", "link", "set", wireOf(this.name), state]);
  }
}

export class TestHosts implements AsyncDisposable {
  readonly store: ClusterServers;
  readonly hosts: readonly TestHost[];
  readonly #directory: string;

  private constructor(store: ClusterServers, hosts: readonly TestHost[], directory: string) {
    this.store = store;
    this.hosts = hosts;
    this.#directory = directory;
  }

  /** host1, host2, ... with busybox loaded. */
  static async start(kind: StoreKind, count: number, flags: readonly string[] = []): Promise<TestHosts> {
    await using undo = new AsyncDisposableStack();
    const directory = mkdtempSync(join(tmpdir(), "causeway-hosts-"));
    undo.defer(() => rmSync(directory, { recursive: true, force: true }));
    await must(["ip", "link", "add", "wires", "type", "bridge"]);
    await must(["ip", "link", "set", "wires", "up"]);
    await must(["ip", "address", "add", `${OWN_ADDRESS}/24`, "dev", "wires"]);
    const store = undo.use(await startStore(kind, { address: OWN_ADDRESS }));
    const tar = join(directory, "busybox.tar");
    makeBusyboxTar(tar);
    const hosts: TestHost[] = [];
    for (let number = 1; number <= count; number++) {
      const host = await startHost(number, [`--cluster-store=${store.url}/test`, ...flags]);
      undo.use(host.daemon);
      await host.ok(`import ${tar} busybox`);
      hosts.push(host);
    }
    undo.move();
    return new TestHosts(store, hosts, directory);
  }

  /** Counted from 1. */
  host(number: number): TestHost {
    const host = this.hosts[number - 1];
    if (host === undefined) throw new Error(`there is no host ${number}`);
    return host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { daemon } of this.hosts) {
      const ids = (await daemon.docker(["ps", "-aq"])).stdout.split(/\s+/).filter((id) => id !== "");
      if (ids.length > 0) await daemon.docker(["rm", "-f", ...ids]);
      await daemon[Symbol.asyncDispose]();
    }
    await this.store[Symbol.asyncDispose]();
    for (const { name } of this.hosts) await must(["ip", "netns", "delete", name]);
    await must(["ip", "link", "delete", "wires"]);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function startHost(number: number, flags: readonly string[]): Promise<TestHost> {
  const name = `host${number}`;
  const address = `10.99.0.${number}`;
  for (const command of [
    ["ip", "netns", "add", name],
    ["ip", "link", "add", wireOf(name), "type", "veth", "peer", "name", "wire0", "netns", name],
    ["ip", "link", "set", wireOf(name), "master", "wires", "up"],
    ["ip", "-n", name, "address", "add", `${address}/24`, "dev", "wire0"],
    ["ip", "-n", name, "link", "set", "lo", "up"],
    ["ip", "-n", name, "link", "set", "wire0", "up"],
    ["ip", "-n", name, "route", "add", "default", "via", OWN_ADDRESS],
  ] satisfies [string, ...string[]][]) {
    await must(command);
  }
  const naming = ["sh", "-c", 'hostname "$0" && exec "$@"', name];
  // `ip netns exec` would mount a /sys without control groups; with mounts of its own a daemon that starts again would not
  // find its containers' namespaces.
  const within = ["nsenter", `--net=/run/netns/${name}`, "unshare", "--uts", ...naming];
  const advertise = `--cluster-advertise=${address}:2376`;
  const daemon = TestDaemon.prepare({ within: () => within, flags: [advertise, ...flags] });
  await daemon.start();
  return new TestHost({ name, address, daemon });
}

function wireOf(host: string): string {
  return `to-${host}`;
}

async function must(command: readonly [string, ...string[]]): Promise<void> {
  const ran = await run(command);
  if (ran.status !== 0) throw new Error(`${command.join(" ")}: ${ran.stderr}`);
}
