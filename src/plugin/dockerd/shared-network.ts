/** The cluster's network behind a network of dockerd's: found, made, or made again. */
import { sameAddress } from "../../addr/ip-address.ts";
import { networkOf, prefixesOverlap, samePrefix, formatPrefix, type Prefix } from "../../addr/prefix.ts";
import { EngineError } from "../../base/errors.ts";
import type { Controller } from "../../controller/controller.ts";
import type { NetworkIntent, PoolIntent } from "../../drivers/intent.ts";
import type { Binding, Bindings, BoundPool } from "./bindings.ts";

/** Of networks that all hosts of the cluster have. */
export function sharedNetworks(controller: Controller): readonly NetworkIntent[] {
  return controller.networks().filter(({ scope }) => scope === "global");
}

export function sharedNetworkNamed(controller: Controller, name: string): NetworkIntent | undefined {
  return sharedNetworks(controller).find((network) => network.name === name);
}

export function sharedNetworkWith(controller: Controller, subnet: Prefix): NetworkIntent | undefined {
  return sharedNetworks(controller).find((network) => poolWith(network, subnet) !== undefined);
}

export function poolWith({ pools }: NetworkIntent, subnet: Prefix): PoolIntent | undefined {
  return pools.find((pool) => pool.subnet !== undefined && samePrefix(pool.subnet, networkOf(subnet)));
}

/** Of this host alone too. */
export function networkOfPool(controller: Controller, poolId: string): NetworkIntent | undefined {
  return controller.networks().find(({ pools }) => pools.some((pool) => pool.poolId === poolId));
}

/** What it takes to use a pool; every pool of a shared network has it. */
export function boundPool({ family, poolId, subnet, gateway }: PoolIntent): BoundPool {
  if (poolId === undefined || subnet === undefined || gateway === undefined)
    throw new EngineError("internal", "an address pool of a shared network has no subnet or gateway");
  return { family, poolId, subnet, gateway };
}

export function formatSubnets({ pools }: NetworkIntent): string {
  return pools.flatMap(({ subnet }) => (subnet === undefined ? [] : [formatPrefix(subnet)])).join(" and ");
}

/** Makes it known to all hosts, over pools that are leased for it. Throws `conflict` where another host was faster. */
export async function makeShared(
  controller: Controller,
  { name, pools, internal, options }: Omit<Binding, "networkId" | "driver">,
): Promise<NetworkIntent> {
  const enableIPv6 = pools.some(({ family }) => family === 6);
  const spec = { name, driver: "overlay", attachable: true, internal, options, enableIPv6, ipam: { pools } };
  try {
    return await controller.createNetwork(spec);
  } catch (cause) {
    if (!(cause instanceof EngineError) || cause.code !== "conflict") throw cause;
    throw new EngineError("conflict", `${cause.message}, by another host at this moment: create it again`, { cause });
  }
}

/** The bound network; where another host removed it while nobody was on it, it is made again as it was. */
export async function boundNetwork(
  { controller, bindings }: { readonly controller: Controller; readonly bindings: Bindings },
  { networkId }: Pick<Binding, "networkId">,
): Promise<NetworkIntent> {
  return bindings.locks.run(networkId, async () => {
    const binding = bindings.demand(networkId);
    if (binding.driver === "bridge") return controller.findNetwork(binding.name);
    const found = sharedNetworkNamed(controller, binding.name);
    return found === undefined ? makeAgain(controller, binding) : demandSame(found, binding);
  });
}

async function makeAgain(controller: Controller, binding: Binding): Promise<NetworkIntent> {
  const { lending } = controller;
  for (const { family, subnet, gateway } of binding.pools) {
    const leased = await lending.requestPool({ family, subnet });
    if (sameAddress(leased.gateway, gateway)) continue;
    await lending.requestAddress(leased.id, { address: gateway, purpose: "gateway" });
    await lending.releaseAddress(leased.id, leased.gateway);
  }
  return makeShared(controller, binding);
}

function demandSame(found: NetworkIntent, { name, pools }: Binding): NetworkIntent {
  const strange = pools.find(({ subnet }) => poolWith(found, subnet) === undefined);
  if (strange === undefined) return found;
  const mend = "remove this host's network and create it again";
  throw new EngineError(
    "conflict",
    `network ${name} of the cluster was made anew with ${formatSubnets(found)}, not ${formatPrefix(strange.subnet)}; ${mend}`,
  );
}

/** dockerd asks again and again for a pool that overlaps a route of its host, unless the user named it. */
export async function refuseOverlap(controller: Controller, network: NetworkIntent, subnet: Prefix): Promise<void> {
  const route = (await controller.lending.hostRoutes()).find((each) => prefixesOverlap(each, subnet));
  if (route === undefined) return;
  const text = formatPrefix(subnet);
  throw new EngineError(
    "forbidden",
    `subnet ${text} of network ${network.name} overlaps this host's route to ${formatPrefix(route)}; add --subnet ${text} to have it anyway`,
  );
}
