/**
 * Hosts of one cluster for netns tests: controllers over one real kernel, each host a namespace with a wire to the others, where
 * its tunnels end; the cluster store, firewall and resolver are in memory. What is made outside those namespaces is one
 * host's for all: networks here are internal, and so need nothing there.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAddress, type IpAddress } from "../../addr/ip-address.ts";
import { systemClock } from "../../base/clock.ts";
import { EventBus } from "../../base/event-bus.ts";
import { silentLog, type Log } from "../../base/log.ts";
import type { Cluster } from "../../cluster/cluster.ts";
import type { MemoryClusterStore } from "../../cluster/memory/memory-cluster-store.ts";
import { openCluster } from "../../cluster/open-cluster.ts";
import { DEFAULT_TIMES, DEFAULT_VXLAN_PORT } from "../../cluster/options.ts";
import { createHostDriver } from "../../drivers/host/host-driver.ts";
import { createNullDriver } from "../../drivers/null/null-driver.ts";
import { withClusterSpace } from "../../drivers/overlay/cluster-ipam.ts";
import { createOverlayDriver } from "../../drivers/overlay/overlay-driver.ts";
import { FakeFirewall } from "../../firewall/fake.ts";
import { createDefaultIpam } from "../../ipam/default-ipam.ts";
import { DEFAULT_GLOBAL_POOLS } from "../../ipam/default-pools.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { FakeHostPorts } from "../../ports/fake.ts";
import { openMemoryStore } from "../../store/memory-store.ts";
import { Controller } from "../controller.ts";
import type { SandboxView } from "../cnm.ts";
import { namespaceDirectory } from "../desired.ts";
import { DEFAULT_SETTINGS } from "../options.ts";
import { FakeDns } from "./fake-dns.ts";

export class RealHost implements AsyncDisposable {
  readonly controller: Controller;
  /** What was logged as a warning or an error, with its steps. */
  readonly told: readonly string[];
  readonly directory: string;
  readonly #cluster: Cluster;

  private constructor(parts: Pick<RealHost, "controller" | "told" | "directory">, cluster: Cluster) {
    this.controller = parts.controller;
    this.told = parts.told;
    this.directory = parts.directory;
    this.#cluster = cluster;
  }

  /** `number` as in `makeHosts` (drivers/overlay/hosts.fixture.ts). */
  static async open(
    number: number,
    parts: { readonly kernel: Kernel; readonly client: MemoryClusterStore },
  ): Promise<RealHost> {
    const directory = await mkdtemp(join(tmpdir(), `causeway-host${number}-`));
    await writeFile(join(directory, "resolv.conf"), "nameserver 192.0.2.53\n");
    const address = parseAddress(`192.0.2.${number}`);
    const store = openMemoryStore();
    const cluster = await openCluster({
      store: parts.client,
      cache: store,
      host: { name: `host${number}`, address, port: 2376 },
      options: { ...DEFAULT_TIMES, defaultPools: DEFAULT_GLOBAL_POOLS, vxlanPort: DEFAULT_VXLAN_PORT },
      log: silentLog,
    });
    const told: string[] = [];
    const { defaultBridge: _none, ...settings } = {
      ...DEFAULT_SETTINGS,
      resolvConfPath: join(directory, "resolv.conf"),
    };
    const underlay = `/run/netns/host${number}`;
    const controller = await Controller.open({
      store,
      kernel: parts.kernel,
      firewall: new FakeFirewall(),
      dns: new FakeDns(),
      ports: new FakeHostPorts(),
      ipamDrivers: [withClusterSpace(createDefaultIpam({ ulaSeed: "test" }), cluster)],
      drivers: [
        createHostDriver(),
        createNullDriver(),
        createOverlayDriver({ namespaceDirectory: namespaceDirectory(directory), advertise: address, underlay }),
      ],
      events: new EventBus(systemClock),
      clock: systemClock,
      log: collecting(told),
      runDirectory: directory,
      settings,
      cluster,
    });
    return new RealHost({ controller, told, directory }, cluster);
  }

  async run(name: string, network: string, address?: IpAddress): Promise<SandboxView> {
    return this.controller.createSandbox({
      containerId: name,
      hostname: name,
      filesDirectory: this.directory,
      endpoints: [{ network, name, ...(address === undefined ? {} : { ipv4Address: address }) }],
    });
  }

  /** Its sandboxes too, and all files. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { id } of this.controller.sandboxes()) await this.controller.removeSandbox(id);
    await this.controller[Symbol.asyncDispose]();
    await this.#cluster[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true });
  }
}

function collecting(told: string[]): Log {
  const note = (fields: object, message: string): void => void told.push(`${message} ${JSON.stringify(fields)}`);
  return { ...silentLog, warn: note, error: note };
}
