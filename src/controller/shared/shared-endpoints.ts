/**
 * Endpoints of this host on shared networks, as the cluster knows them: told before a container has its interface, taken back
 * after it left. While the cluster's store is away nothing joins, but everything may leave: that is made up for later.
 */
import { isDeepStrictEqual } from "node:util";
import { EngineError, messageOf } from "../../base/errors.ts";
import type { Rollback } from "../../base/rollback.ts";
import type { Cluster, OwnEndpoint } from "../../cluster/cluster.ts";
import type { EndpointIntent, NetworkIntent } from "../../drivers/intent.ts";
import type { Join } from "../desired.ts";
import { followLogged, followMembers } from "./follow-members.ts";
import { replayAddresses } from "../lease-addresses.ts";
import { isIdle } from "./members.ts";
import { isShared } from "./shared-record.ts";
import { sayOnce } from "./say-once.ts";
import { present } from "../../store/record-reader.ts";
import { sandboxKey, type World } from "../world.ts";

/** To be added before the intents are committed, so that it is undone after they are gone. */
export function forgetMembersIfUndone(world: World, joins: readonly Join[], undo: Rollback): void {
  for (const { network } of joins) {
    if (isShared(world, network)) undo.add(`members of ${network.name}`, () => followLogged(world, network.id));
  }
}

/**
 * The cluster knows the endpoints, and their networks are ready for them. The intents are committed already: what a crash
 * leaves in the cluster is compared with them at the next start. Throws `unavailable`, and `forbidden` for a name in use.
 */
export async function shareEndpoints(world: World, joins: readonly Join[], undo: Rollback): Promise<void> {
  const { cluster } = world;
  if (cluster === undefined) return;
  for (const { network, endpoint } of joins) {
    if (!isShared(world, network)) continue;
    undo.add(`shared endpoint ${endpoint.name}`, () => withdraw(world, endpoint));
    await put(cluster, network, endpoint);
    await followMembers(world, network.id);
  }
}

/** Docker's sentence names the network by name; the cluster may know it by id. */
async function put(cluster: Cluster, network: NetworkIntent, endpoint: EndpointIntent): Promise<void> {
  try {
    await cluster.putEndpoint(ownEndpoint(endpoint));
  } catch (cause) {
    if (!(cause instanceof EngineError) || cause.code !== "not-found") throw cause;
    throw new EngineError("not-found", `network ${network.name} not found: another host removed it`, { cause });
  }
}

/** The endpoints have left their sandbox: nobody needs to reach them any more. */
export async function withdrawEndpoints(world: World, joins: readonly Join[]): Promise<void> {
  for (const { network, endpoint } of joins) {
    if (!isShared(world, network)) continue;
    await withdraw(world, endpoint);
    await followLogged(world, network.id);
  }
}

/** Never hindered by the store's absence: the cluster makes up for it. */
async function withdraw({ cluster, log }: World, { id, networkId, name }: EndpointIntent): Promise<void> {
  await cluster?.removeEndpoint(networkId, id).catch((cause: unknown) => {
    log.error({ endpoint: id, err: cause }, `endpoint ${name} is left in the cluster: ${messageOf(cause)}`);
  });
}

/** New names; all of the endpoints or none of them. */
export async function shareNames(
  world: World,
  { before, after }: { readonly before: readonly Join[]; readonly after: readonly Join[] },
  undo: Rollback,
): Promise<void> {
  const { cluster } = world;
  if (cluster === undefined) return;
  for (const { network, endpoint } of after) {
    if (!isShared(world, network)) continue;
    const old = before.find((join) => join.endpoint.id === endpoint.id);
    if (old !== undefined) undo.add("shared name", () => put(cluster, network, old.endpoint));
    await put(cluster, network, endpoint);
  }
}

/** By the name that it has on the network. */
export async function evictPeer(world: World, networkId: string, name: string): Promise<void> {
  const network = world.registry.network(networkId)?.intent;
  if (network === undefined || !isShared(world, network) || world.cluster === undefined) {
    throw new EngineError("not-found", `endpoint ${name} not found`);
  }
  await world.cluster.evictEndpoint(networkId, name);
}

function ownEndpoint({ id, networkId, name, mac, addresses, dnsNames }: EndpointIntent): OwnEndpoint {
  return present({ id, networkId, name, mac, addresses, dnsNames });
}

/**
 * Compares what the cluster knows of this host with what the host has, and writes the difference: after a start, and when the
 * store is back. Nothing is rebuilt where nothing differs.
 */
export async function compareEndpoints(world: World): Promise<void> {
  const { cluster, registry } = world;
  if (cluster?.status().state !== "connected") return;
  for (const network of cluster.networks()) {
    const known = cluster.endpoints(network.id).filter(({ host }) => host.id === cluster.self.id);
    for (const endpoint of known) {
      if (registry.endpoint(endpoint.id) === undefined) await cluster.removeEndpoint(network.id, endpoint.id);
    }
    const byId = new Map(known.map(({ host: _host, ...endpoint }) => [endpoint.id, endpoint]));
    for (const { intent } of registry.endpointsOfNetwork(network.id)) {
      if (!isIdle(intent) && !isDeepStrictEqual(byId.get(intent.id), ownEndpoint(intent)))
        await putAgain(world, cluster, intent);
    }
  }
}

/** Its container runs, whatever the cluster remembers: what cannot be had back is said, and the container left alone. */
async function putAgain(world: World, cluster: Cluster, { id, attachment }: EndpointIntent): Promise<void> {
  await world.locks.run(sandboxKey(attachment?.sandboxId ?? ""), async () => {
    const entry = world.registry.endpoint(id);
    const network = world.registry.network(entry?.intent.networkId ?? "")?.intent;
    if (entry?.phase !== "live" || network === undefined) return;
    try {
      await replayAddresses(world, network, entry.intent);
      await put(cluster, network, entry.intent);
      world.refused.delete(id);
    } catch (cause) {
      const { name } = entry.intent;
      sayOnce(world, id, `endpoint ${name} of network ${network.name} is unknown to the cluster: ${messageOf(cause)}`);
    }
  });
}
