/**
 * What every operation of the controller works on: the parts it was given, the intents, and the locks. Operations are
 * functions over a World, so that each file tells one of them from top to bottom.
 *
 * Locks are per thing: a sandbox's and a network's are held over kernel work; `NETWORK_LIST` only while a new network is
 * checked against the others, leased and committed, never over kernel work. Who holds a sandbox's may take a network's, never
 * the other way round; several that are taken together are taken in the order of their keys, which is that one.
 */
import { EngineError } from "../base/errors.ts";
import { KeyedMutex } from "../base/keyed-mutex.ts";
import type { ResolverPorts } from "../dns/dns.ts";
import type { Driver } from "../drivers/driver.ts";
import type { NetworkIntent } from "../drivers/intent.ts";
import type { IpamDriver } from "../ipam/ipam.ts";
import { EtcFiles } from "../sandbox/etc-files.ts";
import type { HeldPort } from "../ports/ports.ts";
import { Announcer } from "./announcer.ts";
import { Drift } from "./drift.ts";
import type { ToldHosts } from "./shared/discovered-hosts.ts";
import type { Followed } from "./shared/follow-members.ts";
import type { ControllerOptions } from "./options.ts";
import { OwedCalls } from "./plugins/owed-calls.ts";
import { Registry } from "./registry.ts";
import type { SandboxIntent } from "./sandbox-intent.ts";
import { TeardownQueue } from "./teardown-queue.ts";

/** What a live sandbox has besides its intent. */
export interface SandboxRuntime {
  readonly files: EtcFiles;
  /** Where its resolver listens now; the intent says where it did last. */
  readonly resolver?: ResolverPorts;
}

/** A host port that is held for one of a sandbox's requests. */
export interface Holding {
  /** Which of the sandbox's ports. */
  readonly index: number;
  readonly held: HeldPort;
}

/** What is known of the sandbox while we run. */
export function runtimeOf(world: Pick<World, "runtimes">, sandbox: SandboxIntent): SandboxRuntime {
  return world.runtimes.get(sandbox.id) ?? { files: new EtcFiles(sandbox.filesDirectory) };
}

export interface World extends ControllerOptions {
  readonly registry: Registry;
  readonly locks: KeyedMutex;
  /** Carries out removals, together where several are asked for at once. */
  readonly teardowns: TeardownQueue;
  readonly runtimes: Map<string, SandboxRuntime>;
  readonly announcer: Announcer;
  /** What the reconciler had to put right. */
  readonly drift: Drift;
  /** By sandbox id: the host ports held for it. */
  readonly holdings: Map<string, readonly Holding[]>;
  /** By network id: what was applied of a shared network that endpoints of ours are on. */
  readonly followed: Map<string, Followed>;
  /** What plugins are still to be told. */
  readonly owed: OwedCalls;
  /** Whom plugins were told of. */
  readonly toldHosts: ToldHosts;
  /** Shared networks and endpoints that are not as they should be, by id, with what was said of them. */
  readonly refused: Map<string, string>;
  /** Throws `not-found` for a driver nobody provides, `unavailable` for overlay networks without a cluster. */
  driver(name: string): Driver;
  /** Throws `not-found`. */
  ipamDriver(name: string): IpamDriver;
}

export const NETWORK_LIST = "networks";

/** Sorts after `sandbox`, see above. */
export function networkKey(id: string): string {
  return `wire ${id}`;
}

export function sandboxKey(id: string): string {
  return `sandbox ${id}`;
}

/** Of an endpoint that is lent to another engine; a network's may be taken under it. */
export function lentKey(id: string): string {
  return `lent ${id}`;
}

export function createWorld(options: ControllerOptions): World {
  const drivers = new Map(options.drivers.map((driver) => [driver.name, driver]));
  const ipamDrivers = new Map(options.ipamDrivers.map((driver) => [driver.name, driver]));
  return {
    ...options,
    registry: new Registry(options.store),
    locks: new KeyedMutex(),
    teardowns: new TeardownQueue(options.kernel),
    runtimes: new Map(),
    announcer: new Announcer(options),
    drift: new Drift(),
    holdings: new Map(),
    followed: new Map(),
    owed: new OwedCalls(options.store, options.log),
    toldHosts: new Map(),
    refused: new Map(),
    driver: (name) => drivers.get(name) ?? options.plugins?.driver(name) ?? missingDriver(name),
    ipamDriver: (name) => ipamDrivers.get(name) ?? options.plugins?.ipamDriver(name) ?? missingPlugin(name),
  };
}

function missingDriver(name: string): never {
  if (name === "overlay") throw withoutCluster();
  return missingPlugin(name);
}

/** Docker's words, and then what mends it. */
function withoutCluster(): EngineError {
  const mend = "overlay networks are shared by the hosts of a cluster, start the daemon with --cluster-store";
  return new EngineError("unavailable", `datastore for scope "global" is not initialized: ${mend}`);
}

function missingPlugin(name: string): never {
  throw new EngineError("not-found", `plugin "${name}" not found`);
}

/** An ordinary network: its sandboxes have a resolver, and its endpoints may choose addresses. */
export function isUserDefined(network: NetworkIntent): boolean {
  return !network.predefined && !network.configOnly;
}
