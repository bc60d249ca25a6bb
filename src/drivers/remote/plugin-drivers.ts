/**
 * Drivers that are programs, by name: each plugin is one object for as long as this lives, so that it is activated once. They
 * are looked for when a network names them; networks that exist have theirs without anybody being asked.
 */
import type { Log } from "../../base/log.ts";
import type { DriverPlugins } from "../driver-plugins.ts";
import type { NetworkIntent } from "../intent.ts";
import { PLUGIN_DIRECTORIES, type PluginDirectories } from "./discovery.ts";
import { Plugin, type PluginSettings } from "./plugin.ts";
import { RemoteDriver } from "./remote-driver.ts";
import { RemoteIpam } from "./remote-ipam.ts";

export interface PluginDriversOptions {
  readonly directories?: PluginDirectories;
  /** For the whole of one call; 30 s. */
  readonly callTimeoutMs?: number;
  /** Between tries to find or connect to a plugin; dockerd's 1, 2, 4 and 8 s. */
  readonly retryDelaysMs?: readonly number[];
  /** Of one answer; 4 MiB. */
  readonly maxAnswerBytes?: number;
  readonly log: Log;
}

/** Names of the address spaces of the IPAM drivers that are ours, as dockerd tells them to plugins. */
const OWN_SPACES: Readonly<Record<string, { readonly local: string; readonly global: string }>> = {
  default: { local: "LocalDefault", global: "GlobalDefault" },
  null: { local: "null", global: "null" },
};

export class PluginDrivers implements DriverPlugins, Disposable {
  readonly #ending = new AbortController();
  readonly #settings: PluginSettings;
  readonly #plugins = new Map<string, Plugin>();
  readonly #drivers = new Map<string, RemoteDriver>();
  readonly #ipams = new Map<string, RemoteIpam>();

  constructor(options: PluginDriversOptions) {
    this.#settings = {
      directories: options.directories ?? PLUGIN_DIRECTORIES,
      callTimeoutMs: options.callTimeoutMs ?? 30_000,
      retryDelaysMs: options.retryDelaysMs ?? [1000, 2000, 4000, 8000],
      maxAnswerBytes: options.maxAnswerBytes ?? 4 * 1024 * 1024,
      log: options.log,
      signal: this.#ending.signal,
    };
  }

  async findDriver(name: string): Promise<void> {
    const driver = this.#drivers.get(name) ?? this.#newDriver(name);
    await driver.contact().catch((cause: unknown) => this.#forgetUnlessExpected(name, cause));
    this.#drivers.set(name, driver);
  }

  async findIpamDriver(name: string): Promise<void> {
    const ipam = this.#ipams.get(name) ?? new RemoteIpam(this.#plugin(name));
    await ipam.contact().catch((cause: unknown) => this.#forgetUnlessExpected(name, cause));
    this.#ipams.set(name, ipam);
  }

  driver(name: string): RemoteDriver | undefined {
    return this.#drivers.get(name);
  }

  ipamDriver(name: string): RemoteIpam | undefined {
    return this.#ipams.get(name);
  }

  expectDriver(name: string): void {
    if (!this.#drivers.has(name)) this.#drivers.set(name, this.#newDriver(name));
  }

  expectIpamDriver(name: string): void {
    if (!this.#ipams.has(name)) this.#ipams.set(name, new RemoteIpam(this.#plugin(name)));
  }

  /** Calls that are underway fail. */
  [Symbol.dispose](): void {
    this.#ending.abort();
  }

  #plugin(name: string): Plugin {
    const plugin = this.#plugins.get(name) ?? new Plugin(name, this.#settings);
    this.#plugins.set(name, plugin);
    return plugin;
  }

  /** Names come from users and have no end: one that nobody answers for is not kept. */
  #forgetUnlessExpected(name: string, cause: unknown): never {
    if (!this.#drivers.has(name) && !this.#ipams.has(name)) this.#plugins.delete(name);
    throw cause;
  }

  #newDriver(name: string): RemoteDriver {
    return new RemoteDriver(this.#plugin(name), (network) => this.#addressSpaceOf(network), this.#settings.log);
  }

  async #addressSpaceOf({ ipamDriver, scope }: NetworkIntent): Promise<string> {
    const reach = scope === "global" ? "global" : "local";
    return OWN_SPACES[ipamDriver]?.[reach] ?? (await this.#ipams.get(ipamDriver)?.addressSpace(reach)) ?? "";
  }
}
