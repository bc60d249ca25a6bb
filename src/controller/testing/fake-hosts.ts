/**
 * Several hosts of one cluster in one process: each has a controller over fakes of its own (`fake-parts.ts`) and a cluster over
 * its own client of one store in memory.
 */
import { parseAddress } from "../../addr/ip-address.ts";
import { silentLog } from "../../base/log.ts";
import type { Cluster } from "../../cluster/cluster.ts";
import { MemoryCluster } from "../../cluster/memory/memory-cluster.ts";
import type { MemoryClusterStore } from "../../cluster/memory/memory-cluster-store.ts";
import { openCluster } from "../../cluster/open-cluster.ts";
import { DEFAULT_TIMES, DEFAULT_VXLAN_PORT } from "../../cluster/options.ts";
import { createOverlayDriver } from "../../drivers/overlay/overlay-driver.ts";
import { DEFAULT_GLOBAL_POOLS } from "../../ipam/default-pools.ts";
import type { Controller } from "../controller.ts";
import { namespaceDirectory } from "../desired.ts";
import { FakeParts } from "./fake-parts.ts";

export class FakeHost implements AsyncDisposable {
  readonly name: string;
  readonly parts: FakeParts;
  readonly client: MemoryClusterStore;
  readonly #address: string;
  #cluster: Cluster | undefined;
  #controller: Controller | undefined;

  constructor(parts: { readonly number: number; readonly parts: FakeParts; readonly client: MemoryClusterStore }) {
    this.name = `host${parts.number}`;
    this.#address = `192.0.2.${parts.number}`;
    this.parts = parts.parts;
    this.client = parts.client;
  }

  get controller(): Controller {
    if (this.#controller === undefined) throw new Error(`${this.name} is not open`);
    return this.#controller;
  }

  /** The first time, or again after `close` as a daemon that is started anew. */
  async open(): Promise<Controller> {
    const address = parseAddress(this.#address);
    this.#cluster = await openCluster({
      store: this.client,
      cache: this.parts.store,
      host: { name: this.name, address, port: 2376 },
      options: { ...DEFAULT_TIMES, defaultPools: DEFAULT_GLOBAL_POOLS, vxlanPort: DEFAULT_VXLAN_PORT },
      log: silentLog,
    });
    this.parts.cluster = this.#cluster;
    this.parts.drivers = [
      createOverlayDriver({ namespaceDirectory: namespaceDirectory(this.parts.directory), advertise: address }),
    ];
    this.#controller = await this.parts.open();
    return this.#controller;
  }

  /** As a daemon that ends: its containers and their records stay. */
  async close(): Promise<void> {
    await this.#controller?.[Symbol.asyncDispose]();
    await this.#cluster?.[Symbol.asyncDispose]();
    this.#controller = this.#cluster = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.parts[Symbol.asyncDispose]();
  }
}

export class FakeHosts implements AsyncDisposable {
  readonly store: MemoryCluster;
  readonly hosts: FakeHost[] = [];

  private constructor(store: MemoryCluster) {
    this.store = store;
  }

  /** All of them open. */
  static async open(count: number): Promise<FakeHosts> {
    const all = new FakeHosts(new MemoryCluster());
    for (let number = 1; number <= count; number++) await all.add();
    return all;
  }

  /** One more, open; `isStoreAway`: its client is cut off from the beginning. */
  async add({ isStoreAway = false }: { readonly isStoreAway?: boolean } = {}): Promise<FakeHost> {
    const number = this.hosts.length + 1;
    const host = new FakeHost({ number, parts: await FakeParts.create(), client: this.store.client() });
    if (isStoreAway) host.client.cut();
    await host.open();
    this.hosts.push(host);
    return host;
  }

  /** Counted from 1. */
  host(number: number): FakeHost {
    const host = this.hosts[number - 1];
    if (host === undefined) throw new Error(`there is no host ${number}`);
    return host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.hosts) await host[Symbol.asyncDispose]();
  }
}
