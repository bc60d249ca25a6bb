/**
 * Start-up with IPAM drivers that are programs: those that forget when they end say so (`RequiresRequestReplay`), and are asked
 * again for what the intents hold. In the background, because the program may be starting too, and what runs does not wait
 * for it; what could not be had again is said.
 */
import { messageOf } from "../../base/errors.ts";
import type { NetworkIntent } from "../../drivers/intent.ts";
import type { IpamDriver } from "../../ipam/ipam.ts";
import { present } from "../../store/record-reader.ts";
import { leasesOf } from "../lease-addresses.ts";
import { addressSpaceOf } from "../lease-pools.ts";
import type { World } from "../world.ts";

export async function replayPlugins(world: World): Promise<void> {
  const networks = world.registry.networks().map(({ intent }) => intent);
  for (const network of networks) {
    try {
      const ipam = network.configOnly ? undefined : world.ipamDriver(network.ipamDriver);
      if (ipam?.needs !== undefined && (await ipam.needs()).replay) await replay(world, network, ipam);
    } catch (cause) {
      world.log.error({ network: network.name, err: cause }, `addresses not requested again: ${messageOf(cause)}`);
    }
  }
}

async function replay(world: World, network: NetworkIntent, ipam: IpamDriver): Promise<void> {
  const addressSpace = addressSpaceOf(world, network);
  for (const { poolId, family, subnet, range, gateway, auxiliary } of network.pools) {
    if (poolId === undefined) continue;
    const options = network.ipamOptions ?? {};
    await ipam.requestPool(present({ family, addressSpace, subnet, range, options, reserved: [] }));
    if (gateway !== undefined) await ipam.requestAddress(poolId, { address: gateway, purpose: "gateway" });
    for (const address of Object.values(auxiliary))
      await ipam.requestAddress(poolId, { address, purpose: "auxiliary" });
  }
  for (const { intent } of world.registry.endpointsOfNetwork(network.id)) {
    for (const { poolId, address } of leasesOf(network, intent)) {
      await ipam.requestAddress(poolId, present({ address, purpose: "endpoint" as const, mac: intent.mac }));
    }
  }
}
