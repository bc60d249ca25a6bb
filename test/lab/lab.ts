/**
 * A lab of hosts for tests of what they share: each a machine of its own (`machine.ts`) with a causewayd, on one underlay
 * (`underlay.ts`), and a real store beside them. It lives in the network namespace of whoever opens it, which must be a private one,
 * and when it is closed nothing is left: links, rules, mounts, control groups and files are compared with before.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeBusyboxTar } from "../../tools/demo/busybox-tar.ts";
import { startStore, type ClusterServers, type StoreKind } from "../support/cluster-servers.ts";
import { startEtcd, type EtcdServers } from "../support/etcd-server.ts";
import { TestDaemon } from "../support/daemon.ts";
import { run } from "../support/run.ts";
import { LabHost } from "./lab-host.ts";
import { Machine } from "./machine.ts";
import { OWN_ADDRESS, Underlay } from "./underlay.ts";

export interface LabOptions {
  readonly hosts: number;
  /** For every daemon, besides the lab's own. */
  readonly flags?: readonly string[];
  /** How long a host is silent before it counts as gone; 60 s, as without the flag. */
  readonly ttlS?: number;
}

export class Lab<Store extends ClusterServers = ClusterServers> implements AsyncDisposable {
  readonly store: Store;
  readonly hosts: readonly LabHost[];
  readonly #parts: AsyncDisposable;

  private constructor(store: Store, hosts: readonly LabHost[], parts: AsyncDisposable) {
    this.store = store;
    this.hosts = hosts;
    this.#parts = parts;
  }

  /** host1, host2, ... with an image busybox on each. */
  static async open(kind: StoreKind, options: LabOptions): Promise<Lab> {
    return Lab.#openWith(async () => startStore(kind, { address: OWN_ADDRESS }), options);
  }

  /** The same over etcd with several members. */
  static async openWithMembers(members: number, options: LabOptions): Promise<Lab<EtcdServers>> {
    return Lab.#openWith(async () => startEtcd({ address: OWN_ADDRESS, members }), options);
  }

  /** Counted from 1. */
  host(number: number): LabHost {
    const host = this.hosts[number - 1];
    if (host === undefined) throw new Error(`there is no host ${number}`);
    return host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#parts[Symbol.asyncDispose]();
    } catch (cause) {
      throw new Error(`the lab does not close: ${reasons(cause).join("; ")}`, { cause });
    }
  }

  static async #openWith<S extends ClusterServers>(start: () => Promise<S>, options: LabOptions): Promise<Lab<S>> {
    await using parts = new AsyncDisposableStack();
    const before = await takeStock();
    parts.defer(async () => assertSame(before, await takeStock()));
    const directory = mkdtempSync(join(tmpdir(), "causeway-lab-"));
    parts.defer(() => rmSync(directory, { recursive: true, force: true }));
    const underlay = parts.use(await Underlay.open());
    const store = parts.use(await start());
    const image = join(directory, "busybox.tar");
    makeBusyboxTar(image);
    const flags = [`--cluster-store=${store.url}/lab`, ...labFlags(options)];
    const hosts = Array.from({ length: options.hosts }, (_, index) => makeHost(index + 1, underlay, flags));
    for (const host of hosts) parts.use(host);
    const starts = hosts.map(async (host) => {
      await host.switchOn();
      await host.ok(`import --change 'CMD ["sh"]' ${image} busybox`);
    });
    // All of them come to their end, well or not, before anything is taken down.
    const failed = (await Promise.allSettled(starts)).find((one) => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    return new Lab(store, hosts, parts.move());
  }
}

function labFlags({ flags = [], ttlS }: LabOptions): readonly string[] {
  return ["--live-restore", ...(ttlS === undefined ? [] : [`--cluster-store-opt=discovery.ttl=${ttlS}`]), ...flags];
}

/** Its state is in /run, so that a power cut takes it; its data and its socket are on its disk. */
function makeHost(number: number, underlay: Underlay, flags: readonly string[]): LabHost {
  const machine = new Machine(`host${number}`);
  const address = Underlay.addressOf(number);
  const own = ["--exec-root=/run/causeway", "--pidfile=/run/causeway.pid", `--cgroup-parent=${machine.cgroupParent}`];
  const daemon = TestDaemon.prepare({
    within: () => machine.within,
    flags: [...own, `--cluster-advertise=${address}:2376`, ...flags],
  });
  return new LabHost({ machine, underlay, daemon, address });
}

/** Whatever a lab could leave behind, a line each. */
async function takeStock(): Promise<readonly string[]> {
  const links = (await run(["ip", "-o", "link"])).stdout.split("\n").map((line) => /^\d+: ([^:@]+)/.exec(line)?.[1]);
  const rules = (await run(["nft", "list", "ruleset"])).stdout.split("\n");
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  // Not /tmp/consul-test, which every Consul makes as it starts.
  const files = readdirSync(tmpdir()).filter((name) =>
    /^(?:causeway|causeway-lab|etcd|consul|zookeeper)-\w{6}$/.test(name),
  );
  return [...links.map((name) => `link ${name ?? ""}`), ...rules, ...mounts, ...files];
}

function assertSame(before: readonly string[], after: readonly string[]): void {
  const known = new Set(before);
  const left = after.filter((line) => !known.has(line));
  if (left.length > 0) throw new Error(`the lab leaves behind: ${left.join("; ")}`);
}

/** Of an error that others were suppressed by, all of them. */
function reasons(cause: unknown): readonly string[] {
  return cause instanceof SuppressedError ? [...reasons(cause.suppressed), ...reasons(cause.error)] : [String(cause)];
}
