/**
 * A shared network as the cluster keeps it, and back. Whatever comes from the store may have been written by hand or by
 * another version: it becomes an intent only when every field is what this host could have made itself.
 */
import { prefixContains, samePrefix } from "../../addr/prefix.ts";
import type { NewSharedNetwork, SharedNetwork } from "../../cluster/cluster.ts";
import type { NetworkIntent, PoolIntent } from "../../drivers/intent.ts";
import { RecordError } from "../../store/record-reader.ts";
import { decodeNetwork, encodeNetwork } from "../records.ts";
import { PREDEFINED_NAMES } from "../network-spec.ts";
import { expectPluginsOf } from "../plugins/expected-plugins.ts";
import type { World } from "../world.ts";

/** Whether the network is one that all hosts of the cluster have. */
export function isShared(
  { cluster }: Pick<World, "cluster">,
  { scope, unshared }: Pick<NetworkIntent, "scope" | "unshared">,
): boolean {
  return cluster !== undefined && scope === "global" && unshared !== true;
}

/** `network` with its pools leased; its driver has checked its options. */
export function newSharedNetwork(world: World, network: NetworkIntent): NewSharedNetwork {
  const asked = world.driver(network.driver).vxlanIds?.(network) ?? [];
  const subnets = network.pools.flatMap(({ subnet }) => (subnet === undefined ? [] : [subnet]));
  return {
    id: network.id,
    name: network.name,
    subnets: subnets.map((subnet, index) => {
      const vni = asked[index];
      return vni === undefined ? { subnet } : { subnet, vni };
    }),
    body: encodeNetwork({ phase: "live", intent: network }),
  };
}

/** The network with the VXLAN ids that the cluster gave its subnets, where its driver has a use for them. */
export function withVxlanIds(
  world: World,
  network: NetworkIntent,
  { subnets }: Pick<SharedNetwork, "subnets">,
): NetworkIntent {
  if (world.driver(network.driver).vxlanIds === undefined) return network;
  const pools = network.pools.map((pool): PoolIntent => {
    const found = subnets.find(({ subnet }) => pool.subnet !== undefined && samePrefix(subnet, pool.subnet));
    return found === undefined ? pool : { ...pool, vni: found.vni };
  });
  return { ...network, pools };
}

/** Throws RecordError, or what the driver says of options that it does not take. */
export function intentOfShared(world: World, shared: SharedNetwork): NetworkIntent {
  const { intent } = decodeNetwork(shared.id, shared.body);
  checkRecord(shared, intent);
  expectPluginsOf(world, intent);
  const network = withVxlanIds(world, intent, shared);
  checkWithDrivers(world, network);
  const existing = world.registry.networks().map((entry) => entry.intent);
  world.driver(network.driver).validate(network, existing);
  return network;
}

/** As `base/ids.ts` makes them. */
const ID = /^[0-9a-f]{64}$/;

/** What holds of every shared network; before that, nobody's plugins are looked for. */
function checkRecord(shared: SharedNetwork, network: NetworkIntent): void {
  demand(network, ID.test(network.id), "an id that no network has: files and links are named after it");
  demand(network, network.name === shared.name && network.name.trim() !== "", "another name in its body");
  demand(network, !PREDEFINED_NAMES.has(network.name), `the name ${network.name} is a predefined network's`);
  demand(
    network,
    network.scope === "global" && network.unshared !== true && !network.predefined && !network.configOnly,
    "not a shared network",
  );
}

function checkWithDrivers(world: World, network: NetworkIntent): void {
  const driver = world.driver(network.driver);
  const spansHosts = driver.procedures !== undefined || driver.capabilities.scope === "global";
  demand(network, spansHosts, `driver ${network.driver} has no shared networks`);
  const hasOwnPools = world.ipamDriver(network.ipamDriver).needs === undefined;
  for (const pool of network.pools) {
    const isReachable = driver.vxlanIds === undefined || pool.vni !== undefined;
    demand(network, pool.subnet !== undefined && isReachable, "a subnet without a VXLAN id");
    const isClusters = !hasOwnPools || pool.poolId?.startsWith("LocalDefault/") === false;
    demand(network, isClusters, "an address pool that is not the cluster's");
    for (const address of [pool.gateway, ...Object.values(pool.auxiliary)]) {
      if (address === undefined || pool.subnet === undefined) continue;
      demand(network, prefixContains(pool.subnet, address), "an address outside its subnet");
    }
  }
}

function demand({ id }: NetworkIntent, holds: boolean, what: string): void {
  if (!holds) throw new RecordError(`network ${id}: ${what}`);
}
