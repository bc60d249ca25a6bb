/**
 * Creation and removal of networks: validate, lease, commit, make the kernel follow, tell. The list of networks is locked
 * only until the intent is committed; the kernel works under the lock of this one network.
 */
import type { Family } from "../addr/ip-address.ts";
import { EngineError } from "../base/errors.ts";
import { shortId } from "../base/ids.ts";
import type { Rollback } from "../base/rollback.ts";
import { NOTHING } from "../drivers/driver.ts";
import type { NetworkIntent, PoolIntent } from "../drivers/intent.ts";
import { HOST } from "../kernel/facts.ts";
import { announcementManner } from "./announcer.ts";
import { change, tearDown } from "./apply.ts";
import { attempt } from "./attempt.ts";
import type { NetworkSpec } from "./cnm.ts";
import { networkState } from "./desired.ts";
import { tellHosts } from "./shared/discovered-hosts.ts";
import { followedState } from "./shared/follow-members.ts";
import { findNetwork } from "./find-network.ts";
import { takeOverAddresses } from "./link-addresses.ts";
import { isPlugin, leasePools, releasePools } from "./lease-pools.ts";
import { checkName, networkIntent } from "./network-spec.ts";
import { findPlugins, skippedGateways, tellOfNetwork, tellOfNetworksEnd } from "./plugins/plugin-calls.ts";
import { reconsiderNetworks, SHARED_LIST, shareNetwork, unshareNetwork } from "./shared/shared-networks.ts";
import { withoutSharedLinks } from "./shared-links.ts";
import { isShared } from "./shared/shared-record.ts";
import { isUserDefined, NETWORK_LIST, networkKey, type World } from "./world.ts";

/** A new network, up and known everywhere. When any part fails nothing of it is left. */
export async function createNetwork(world: World, spec: NetworkSpec): Promise<NetworkIntent> {
  return attempt(world.log, `create network ${spec.name}`, async (undo) => {
    await findPlugins(world, spec);
    const asked = networkIntent(world, spec);
    const commit = commitOf(world, asked);
    const network = await commit(world, { spec, skipped: await skippedGateways(world, asked), undo });
    await world.locks.run(networkKey(network.id), async () => {
      const state = networkState(world, network);
      await tellHosts(world);
      await tellOfNetwork(world, network, undo);
      await forwardFor(world, network);
      await change(world, NOTHING, state).catch((cause: unknown) => {
        throw EngineError.wrap(cause, `create network ${network.name}`);
      });
      undo.add("network state", () => tearDown(world, withoutSharedLinks(world, network, state)));
      await announce(world, network);
      world.registry.restore({ put: { networks: [{ intent: network, phase: "live" }] } });
    });
    emit(world, network, "create");
    return network;
  });
}

function commitOf(world: World, network: NetworkIntent): typeof commitLocal {
  if (isShared(world, network)) return commitShared;
  return isPlugin(world, network) ? commitPlugged : commitLocal;
}

interface Creation {
  readonly spec: NetworkSpec;
  /** Families that get no gateway which was not asked for. */
  readonly skipped: readonly Family[];
  readonly undo: Rollback;
}

async function commitLocal(world: World, creation: Creation): Promise<NetworkIntent> {
  return world.locks.run(NETWORK_LIST, async () => {
    const network = await lease(world, creation);
    commitNew(world, network, creation.undo);
    return network;
  });
}

/** The plugin is asked before the list is locked: it may take its time, and nobody else's network waits for it. */
async function commitPlugged(world: World, creation: Creation): Promise<NetworkIntent> {
  const network = await lease(world, creation);
  await world.locks.run(NETWORK_LIST, async () => {
    checkName(world, network.name);
    checkWithDriver(world, network);
    commitNew(world, network, creation.undo);
    return Promise.resolve();
  });
  return network;
}

/**
 * The cluster is asked before the list is locked: who makes a network for this host alone does not wait for a store. A plugin is
 * asked before that of shared networks is.
 */
async function commitShared(world: World, creation: Creation): Promise<NetworkIntent> {
  const { spec, undo } = creation;
  const plugged = isPlugin(world, networkIntent(world, spec)) ? await lease(world, creation) : undefined;
  return world.locks.run(SHARED_LIST, async () => {
    const leased = plugged ?? (await lease(world, creation));
    const network = await shareNetwork(world, leased, undo);
    await world.locks.run(NETWORK_LIST, async () => {
      checkName(world, network.name);
      commitNew(world, network, undo);
      return Promise.resolve();
    });
    return network;
  });
}

async function lease(world: World, { spec, skipped, undo }: Creation): Promise<NetworkIntent> {
  const asked = networkIntent(world, spec);
  checkWithDriver(world, { ...asked, pools: asked.pools.map(withoutSubnet) });
  await checkHost(world, asked);
  const intent = await takeOverAddresses(world, asked);
  const leased = { ...intent, pools: await leasePools(world, intent, { skipped, undo }) };
  checkWithDriver(world, leased);
  return leased;
}

function commitNew(world: World, network: NetworkIntent, undo: Rollback): void {
  undo.add("network intent", () => world.registry.commit({ remove: { networks: [network.id] } }));
  world.registry.commit({ put: { networks: [{ intent: network, phase: "creating" }] } });
}

/**
 * Twice: before leasing, and after it with the subnets. A subnet that overlaps another is first IPAM's to refuse, in its words.
 */
function checkWithDriver(world: World, network: NetworkIntent): void {
  if (network.configOnly) return;
  const existing = world.registry.networks().map(({ intent }) => intent);
  world.driver(network.driver).validate(network, existing);
  announcementManner(network);
}

async function checkHost(world: World, network: NetworkIntent): Promise<void> {
  if (network.configOnly) return;
  const driver = world.driver(network.driver);
  if (driver.checkHost === undefined) return;
  const { links } = await world.kernel.observe(HOST);
  driver.checkHost(network, new Set(links.map(({ name }) => name)));
}

function withoutSubnet({ family, auxiliary }: PoolIntent): PoolIntent {
  return { family, auxiliary };
}

/** Packets leave a bridge only through a kernel that forwards. */
async function forwardFor(world: World, network: NetworkIntent): Promise<void> {
  if (network.configOnly || network.internal || isShared(world, network)) return;
  const { procedures, capabilities } = world.driver(network.driver);
  if (procedures !== undefined || capabilities.bypassesRouting === true) return;
  for (const family of new Set(network.pools.map((pool) => pool.family))) await world.ensureForwarding?.(family);
}

async function announce(world: World, network: NetworkIntent): Promise<void> {
  const { id, name } = network;
  if (isUserDefined(network)) await world.dns.change([{ put: "network", network: { id, name } }]);
}

/** Refused for predefined networks and while anything depends on it. Tries again where an earlier removal failed. */
export async function removeNetwork(world: World, reference: string): Promise<void> {
  const { id } = findNetwork(world.registry, reference);
  await world.locks.run(networkKey(id), async () => {
    const network = world.registry.network(id)?.intent;
    if (network === undefined) throw new EngineError("not-found", `network ${reference} not found`);
    checkRemovable(world, network);
    await unshareNetwork(world, network);
    world.registry.commit({ put: { networks: [{ intent: network, phase: "removing" }] } });
    await tearDownNetwork(world, network);
    world.registry.commit({ remove: { networks: [id] } });
    if (!network.configOnly) emit(world, network, "destroy");
  });
  await reconsiderNetworks(world);
}

async function tearDownNetwork(world: World, network: NetworkIntent): Promise<void> {
  try {
    await tearDown(world, withoutSharedLinks(world, network, followedState(world, network)));
    world.followed.delete(network.id);
  } catch (cause) {
    throw EngineError.wrap(cause, `error while removing network: ${network.name} (remove it again to finish)`);
  }
  if (isUserDefined(network)) await world.dns.change([{ remove: "network", id: network.id }]);
  await releasePools(world, network);
  await tellOfNetworksEnd(world, network);
}

function checkRemovable(world: World, network: NetworkIntent): void {
  if (network.predefined) {
    throw new EngineError("forbidden", `${network.name} is a pre-defined network and cannot be removed`);
  }
  const users = [...world.registry.namesOnNetwork(network.id)];
  if (users.length > 0) {
    const list = users.map(([name, id]) => `name:${JSON.stringify(name)} id:${JSON.stringify(shortId(id))}`).join(", ");
    throw whileRemoving(`network ${network.name} has active endpoints (${list})`);
  }
  if (network.configOnly && world.registry.isConfigInUse(network.name)) {
    throw whileRemoving(`configuration network ${JSON.stringify(network.name)} is in use`);
  }
}

function whileRemoving(why: string): EngineError {
  return new EngineError("forbidden", `error while removing network: ${why}`);
}

function emit(world: World, network: NetworkIntent, action: "create" | "destroy"): void {
  const attributes = { name: network.name, type: network.driver };
  world.events.emit({ type: "network", action, actorId: network.id, attributes });
}
