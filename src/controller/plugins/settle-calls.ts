/**
 * Tells plugins of networks what they could not be told when it happened (`owed-calls.ts`): beside everything else when there is
 * something new, then again and again until the plugin is there. What fails is said once. Whoever joins a network of which its
 * plugin was not told yet has it told first.
 */
import { EngineError, messageOf } from "../../base/errors.ts";
import { shortId } from "../../base/ids.ts";
import type { NetworkIntent } from "../../drivers/intent.ts";
import type { DriverProcedures } from "../../drivers/procedures.ts";
import { isPlugin, releasePools } from "../lease-pools.ts";
import { tellHosts } from "../shared/discovered-hosts.ts";
import { sayOnce } from "../shared/say-once.ts";
import type { World } from "../world.ts";
import type { OwedCall } from "./owed-calls.ts";
import { expectPluginsOf } from "./expected-plugins.ts";

/** Looking for a plugin that is away costs a look at a few files. */
const RETRY_MS = 5_000;

/** Of one network, in order. Innermost of all locks: a plugin may be waited for under it. */
export async function telling<T>(world: World, networkId: string, tell: () => Promise<T>): Promise<T> {
  return world.locks.run(`told ${networkId}`, tell);
}

/** The network came from another host, its plugin here does not know it yet. To be noted before the intent is committed. */
export function oweCreation(world: World, network: NetworkIntent): void {
  if (isPlugged(world, network)) world.owed.note({ kind: "create", network });
}

/** The network is gone, and its plugin is told in the background. To be noted before the intent is removed. */
export function oweEnd(world: World, network: NetworkIntent, kind: "delete" | "end"): void {
  expectPluginsOf(world, network);
  if (isPlugged(world, network) || (kind === "end" && isPlugin(world, network))) world.owed.note({ kind, network });
}

function isPlugged(world: World, network: NetworkIntent): boolean {
  return proceduresOf(world, network) !== undefined;
}

function proceduresOf(world: World, { driver, configOnly }: NetworkIntent): DriverProcedures | undefined {
  return configOnly ? undefined : world.driver(driver).procedures;
}

/** Throws what the plugin says against the network, or fails to say. */
export async function ensureTold(world: World, { id }: NetworkIntent): Promise<void> {
  if (world.owed.get(id) !== undefined) await settle(world, id);
}

async function settle(world: World, networkId: string): Promise<void> {
  await telling(world, networkId, async () => {
    const owed = world.owed.get(networkId);
    if (owed === undefined) return;
    expectPluginsOf(world, owed.network);
    await (owed.kind === "create" || owed.kind === "renew" ? settleCreation(world, owed) : settleEnd(world, owed));
    world.owed.settled(owed);
    world.refused.delete(sayingOf(networkId));
  });
}

async function settleCreation(world: World, { kind, network }: OwedCall): Promise<void> {
  const procedures = proceduresOf(world, network);
  if (procedures === undefined || world.registry.network(network.id) === undefined) return;
  await world.plugins?.findDriver(network.driver);
  await tellHosts(world);
  if (kind === "renew") await unlessRefused(world, network, procedures.deleteNetwork(network));
  await procedures.createNetwork(network);
}

async function settleEnd(world: World, { kind, network }: OwedCall): Promise<void> {
  if (kind === "end" && isPlugin(world, network) && !hasHeirs(world, network)) await releasePools(world, network);
  await unlessRefused(world, network, proceduresOf(world, network)?.deleteNetwork(network));
}

/** Pools that were given back before the crash may be another network's by now. */
function hasHeirs({ registry }: World, { ipamDriver, pools }: NetworkIntent): boolean {
  const ids = new Set(pools.map(({ poolId }) => poolId));
  const others = registry.networks().filter(({ intent }) => intent.ipamDriver === ipamDriver);
  return others.some(({ intent }) => intent.pools.some(({ poolId }) => ids.has(poolId)));
}

/** What a plugin answers when it is to forget a network is logged, and no reason to ask again. */
async function unlessRefused(world: World, { name }: NetworkIntent, call: Promise<void> | undefined): Promise<void> {
  try {
    await call;
  } catch (cause) {
    if (isAway(cause)) throw cause;
    world.log.warn({ err: cause }, `driver error, delete network ${name}: ${messageOf(cause)}`);
  }
}

/** Nobody was there to be told, or did not answer. */
export function isAway(cause: unknown): boolean {
  return cause instanceof EngineError && (cause.code === "unavailable" || cause.code === "not-found");
}

export class OwedCallsWatch implements Disposable {
  readonly #world: World;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #isRunning = false;
  #again = false;

  constructor(world: World) {
    this.#world = world;
  }

  open(): void {
    this.#world.owed.onWake(() => this.#wake());
    this.#wake();
  }

  /** Calls underway end with the plugins. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #wake(): void {
    this.#again = true;
    if (this.#isRunning || this.#isClosed || this.#world.owed.all().length === 0) return;
    this.#isRunning = true;
    clearTimeout(this.#timer);
    void this.#work().finally(() => {
      this.#isRunning = false;
      if (!this.#isClosed && this.#world.owed.all().length > 0) {
        this.#timer = setTimeout(() => this.#wake(), RETRY_MS).unref();
      }
    });
  }

  async #work(): Promise<void> {
    while (this.#again && !this.#isClosed) {
      this.#again = false;
      const byDriver = Map.groupBy(this.#world.owed.all(), ({ network }) => network.driver);
      await Promise.all([...byDriver.values()].map((calls) => this.#settleInTurn(calls)));
    }
  }

  /** One that is away is not waited for once more for each network. */
  async #settleInTurn(calls: readonly OwedCall[]): Promise<void> {
    for (const { network, kind } of calls) {
      if (this.#isClosed) return;
      try {
        await settle(this.#world, network.id);
      } catch (cause) {
        if (this.#isClosed) return;
        const which = `network ${network.name} (${shortId(network.id)})`;
        const what = kind === "create" || kind === "renew" ? `${which} is not made` : `the end of ${which} is not told`;
        sayOnce(this.#world, sayingOf(network.id), `${what} by plugin ${network.driver} yet: ${messageOf(cause)}`);
        if (isAway(cause)) return;
      }
    }
  }
}

function sayingOf(networkId: string): string {
  return `plugin of ${networkId}`;
}
