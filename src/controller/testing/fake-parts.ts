/**
 * A controller over fakes for unit tests: kernel, firewall and DNS in memory, real drivers and address management, files in a
 * directory of the test's own. `state` tells all that a test
 * made.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { EventBus, type EngineEvent } from "../../base/event-bus.ts";
import { silentLog, type Log } from "../../base/log.ts";
import type { Cluster } from "../../cluster/cluster.ts";
import { createBridgeDriver } from "../../drivers/bridge/bridge-driver.ts";
import type { Driver } from "../../drivers/driver.ts";
import type { DriverPlugins } from "../../drivers/driver-plugins.ts";
import { createHostDriver } from "../../drivers/host/host-driver.ts";
import { createNullDriver } from "../../drivers/null/null-driver.ts";
import { withClusterSpace } from "../../drivers/overlay/cluster-ipam.ts";
import { FakeFirewall } from "../../firewall/fake.ts";
import { createDefaultIpam } from "../../ipam/default-ipam.ts";
import { createNullIpam } from "../../ipam/null-ipam.ts";
import { FakeHostPorts } from "../../ports/fake.ts";
import { FakeKernel } from "../../kernel/fake.ts";
import { openMemoryStore } from "../../store/memory-store.ts";
import type { Store } from "../../store/store.ts";
import type { EndpointSpec, SandboxSpec } from "../cnm.ts";
import { Controller } from "../controller.ts";
import { DEFAULT_SETTINGS, type NetworkSettings } from "../options.ts";
import { FakeDns } from "./fake-dns.ts";

export class FakeParts implements AsyncDisposable {
  readonly kernel = new FakeKernel();
  ports = new FakeHostPorts();
  firewall = new FakeFirewall();
  dns = new FakeDns();
  store: Store = openMemoryStore();
  /** Besides bridge, host and null. */
  drivers: readonly Driver[] = [];
  /** What is shared with other hosts (`fake-hosts.ts`). */
  cluster: Cluster | undefined;
  /** Drivers that are programs; a restart of the daemon forgets what it knew of them, and so shall whoever tests one. */
  plugins: DriverPlugins | undefined;
  readonly events: EngineEvent[] = [];
  readonly messages: string[] = [];
  readonly directory: string;
  settings: NetworkSettings;
  readonly #opened: Controller[] = [];

  private constructor(directory: string) {
    this.directory = directory;
    this.settings = { ...DEFAULT_SETTINGS, resolvConfPath: join(directory, "resolv.conf") };
  }

  static async create(): Promise<FakeParts> {
    const directory = await mkdtemp(join(tmpdir(), "causeway-controller-"));
    await writeFile(join(directory, "resolv.conf"), "nameserver 192.0.2.53\n");
    return new FakeParts(directory);
  }

  /** Opens a controller over these parts, as after a restart when it is not the first: what is in memory only is new. */
  async open(): Promise<Controller> {
    for (const controller of this.#opened.splice(0)) await controller[Symbol.asyncDispose]();
    this.dns = new FakeDns();
    this.ports = Object.assign(new FakeHostPorts(), { foreign: this.ports.foreign, ipv6: this.ports.ipv6 });
    const bus = new EventBus(systemClock);
    bus.subscribe((event) => this.events.push(event));
    const controller = await Controller.open({
      store: this.store,
      kernel: this.kernel,
      firewall: this.firewall,
      dns: this.dns,
      ports: this.ports,
      ipamDrivers: [withClusterSpace(createDefaultIpam({ ulaSeed: "test" }), this.cluster), createNullIpam()],
      drivers: [
        createBridgeDriver({ icc: this.settings.defaultBridge?.icc ?? true }),
        createHostDriver(),
        createNullDriver(),
        ...this.drivers,
      ],
      events: bus,
      clock: systemClock,
      log: this.#log(),
      runDirectory: this.directory,
      settings: this.settings,
      ...(this.plugins !== undefined && { plugins: this.plugins }),
      ...(this.cluster !== undefined && { cluster: this.cluster }),
    });
    this.#opened.push(controller);
    return controller;
  }

  /** A sandbox spec for a container of that name on these networks. */
  spec(name: string, ...networks: readonly (string | Omit<EndpointSpec, "name">)[]): SandboxSpec {
    const endpoints = networks.map((network) =>
      typeof network === "string" ? { network, name } : { ...network, name },
    );
    return { containerId: name, hostname: name, filesDirectory: this.directory, endpoints };
  }

  /** All that exists because of somebody's wish: kernel facts, policies, names, records. */
  state(): unknown {
    return {
      facts: this.kernel.facts(),
      policies: this.firewall.policies(),
      ports: this.ports.heldPorts(),
      names: [...this.dns.networks, ...this.dns.endpoints, ...this.dns.sandboxes],
      served: [...this.dns.served],
      networks: this.store.list("networks").map(({ id }) => id),
      endpoints: this.store.list("endpoints"),
      sandboxes: this.store.list("sandboxes"),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const controller of this.#opened) await controller[Symbol.asyncDispose]();
    await this.kernel[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }

  #log(): Log {
    const note = (_fields: object, message: string): void => void this.messages.push(message);
    return { ...silentLog, warn: note, error: note };
  }
}
