/**
 * Networks that all hosts of a cluster have: made and removed through the cluster, and taken over from it when another host
 * did. Each host keeps them among its own, so that they are there while the store is away.
 */
import { EngineError, messageOf } from "../../base/errors.ts";
import type { Rollback } from "../../base/rollback.ts";
import type { SharedNetwork } from "../../cluster/cluster.ts";
import type { NetworkIntent } from "../../drivers/intent.ts";
import { changeAll } from "../apply.ts";
import { NOTHING } from "../../drivers/driver.ts";
import { followedState } from "./follow-members.ts";
import { intentOfShared, isShared, newSharedNetwork, withVxlanIds } from "./shared-record.ts";
import { oweCreation, oweEnd } from "../plugins/settle-calls.ts";
import { sayOnce } from "./say-once.ts";
import { networkKey, type World } from "../world.ts";

/** Held while the list of shared networks is compared with the cluster's, or a new one is made. Outside of all others. */
export const SHARED_LIST = "shared networks";

/** Makes a leased network known to all hosts; with the VXLAN ids that it got. Throws `conflict` when the name is taken. */
export async function shareNetwork(world: World, network: NetworkIntent, undo: Rollback): Promise<NetworkIntent> {
  const { cluster } = world;
  if (cluster === undefined) throw new EngineError("internal", `network ${network.name} has nobody to be shared with`);
  undo.add("shared network", () => cluster.removeNetwork(network.id));
  return withVxlanIds(world, network, await cluster.createNetwork(newSharedNetwork(world, network)));
}

/** Takes the network from all hosts, with its pools. Throws `forbidden` while any host has an endpoint on it. */
export async function unshareNetwork(world: World, network: NetworkIntent): Promise<void> {
  if (!isShared(world, network)) return;
  try {
    await world.cluster?.removeNetwork(network.id);
  } catch (cause) {
    throw EngineError.wrap(cause, "error while removing network");
  }
}

/**
 * Takes over what other hosts made and lets go of what they removed. What cannot be taken over is said once and left alone;
 * a network that our containers are on stays until the last of them has left it.
 */
export async function syncNetworks(world: World): Promise<void> {
  const { cluster, registry } = world;
  if (cluster === undefined) return;
  await world.locks.run(SHARED_LIST, async () => {
    for (const shared of cluster.networks()) if (registry.network(shared.id) === undefined) await adopt(world, shared);
  });
  if (cluster.status().state !== "connected") return;
  const known = new Set(cluster.networks().map(({ id }) => id));
  const lost = registry.networks().filter(({ intent }) => isShared(world, intent) && !known.has(intent.id));
  for (const { intent } of lost) await letGo(world, intent);
}

/** Something of this host is gone: a shared network may have waited for its name, or to go itself. */
export async function reconsiderNetworks(world: World): Promise<void> {
  if (world.refused.size === 0) return;
  await syncNetworks(world).catch((cause: unknown) => {
    world.log.error({ err: cause }, `shared networks are not taken over: ${messageOf(cause)}`);
  });
}

async function adopt(world: World, shared: SharedNetwork): Promise<void> {
  const network = understood(world, shared);
  if (network === undefined) return;
  world.refused.delete(shared.id);
  oweCreation(world, network);
  world.registry.commit({ put: { networks: [{ intent: network, phase: "live" }] } });
  world.owed.wake();
  await world.dns.change([{ put: "network", network: { id: network.id, name: network.name } }]);
  emit(world, network, "create");
}

function understood(world: World, shared: SharedNetwork): NetworkIntent | undefined {
  try {
    const own = world.registry.networkByName(shared.name)?.intent;
    if (own !== undefined) {
      const mend = `remove network ${own.id.slice(0, 12)} of this host to have the shared one`;
      throw new EngineError("conflict", `this host has a network of its own named ${shared.name}; ${mend}`);
    }
    return intentOfShared(world, shared);
  } catch (cause) {
    sayOnce(world, shared.id, `shared network ${shared.name} (${shared.id}) is not for this host: ${messageOf(cause)}`);
    return undefined;
  }
}

async function letGo(world: World, { id, name }: NetworkIntent): Promise<void> {
  await world.locks.run(networkKey(id), async () => {
    const network = world.registry.network(id)?.intent;
    if (network === undefined) return;
    if (world.registry.namesOnNetwork(id).size > 0) {
      sayOnce(
        world,
        id,
        `network ${name} was removed by another host; its containers here keep it until they leave it`,
      );
      return;
    }
    world.refused.delete(id);
    world.registry.commit({ put: { networks: [{ intent: network, phase: "removing" }] } });
    await changeAll(world, followedState(world, network), NOTHING);
    world.followed.delete(id);
    await world.dns.change([{ remove: "network", id }]);
    oweEnd(world, network, "delete");
    world.registry.commit({ remove: { networks: [id] } });
    world.owed.wake();
    emit(world, network, "destroy");
  });
}

function emit(world: World, network: NetworkIntent, action: "create" | "destroy"): void {
  const attributes = { name: network.name, type: network.driver };
  world.events.emit({ type: "network", action, actorId: network.id, attributes });
}
