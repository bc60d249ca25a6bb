/**
 * The names of lent endpoints. The other engine says nothing of its containers' names when it makes an endpoint, so these come
 * later, and change when a container is renamed; every host of the network hears of them.
 */
import { isDeepStrictEqual } from "node:util";
import { EngineError } from "../../base/errors.ts";
import type { EndpointIntent } from "../../drivers/intent.ts";
import { attempt } from "../attempt.ts";
import { joinOf } from "../desired.ts";
import { putEndpoints } from "../sandbox-names.ts";
import { shareNames } from "../shared/shared-endpoints.ts";
import { lentKey, type World } from "../world.ts";
import { lentEndpoints } from "./lent-state.ts";

export interface LentNames {
  /** The container's. */
  readonly name: string;
  /** Names for DNS, the main one first. */
  readonly dnsNames: readonly string[];
}

/**
 * An endpoint that is in no sandbox is passed over. Where another endpoint of the network has the container's name, on
 * whatever host, this one is listed under the name and its id; both answer to the name in DNS.
 */
export async function nameLentEndpoint(world: World, id: string, { name, dnsNames }: LentNames): Promise<void> {
  await world.locks.run(lentKey(id), async () => {
    const endpoint = world.registry.endpoint(id)?.intent;
    if (endpoint?.lent?.sandboxKey === undefined) return;
    const double = `${name}-${id.slice(0, 12)}`;
    const isKnown = isDeepStrictEqual(endpoint.dnsNames, dnsNames) && [name, double].includes(endpoint.name);
    if (isKnown) return;
    try {
      await rename(world, endpoint, { ...endpoint, name, dnsNames });
    } catch (cause) {
      if (!(cause instanceof EngineError && cause.code === "forbidden")) throw cause;
      await rename(world, endpoint, { ...endpoint, name: double, dnsNames });
    }
  });
}

async function rename(world: World, before: EndpointIntent, after: EndpointIntent): Promise<void> {
  const { registry, dns, log } = world;
  const network = registry.network(before.networkId)?.intent;
  if (network === undefined) return;
  await attempt(log, `name endpoint ${before.id}`, async (undo) => {
    const [old, next] = [joinOf(world, network, before), joinOf(world, network, after)];
    if (after.name !== before.name) {
      registry.reserveName(network, after.name, after.id);
      undo.add("name", () => registry.releaseName(network.id, after.name, after.id));
    }
    await shareNames(world, { before: [old], after: [next] }, undo);
    await dns.change(putEndpoints([next]));
    registry.commit({ put: { endpoints: [{ intent: after, phase: "live" }] } });
  });
}

/** What our resolvers know of an endpoint is to be forgotten. */
export async function forgetLentName({ dns }: World, id: string): Promise<void> {
  await dns.change([{ remove: "endpoint", id }]);
}

/** Start-up: names that were known before. */
export async function restoreLentNames(world: World): Promise<void> {
  const named = lentEndpoints(world.registry).flatMap(({ intent }) => {
    const network = world.registry.network(intent.networkId)?.intent;
    const isNamed = intent.lent?.sandboxKey !== undefined && intent.dnsNames.length > 0;
    return network === undefined || !isNamed ? [] : [joinOf(world, network, intent)];
  });
  if (named.length > 0) await world.dns.change(putEndpoints(named));
}
