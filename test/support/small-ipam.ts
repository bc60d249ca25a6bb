/** An IPAM driver for recordings, made with the plugin kit: subnets and addresses in order, nothing kept but what is leased. */
import { servePlugin, type IpAddress, type Prefix, type ServedPlugin } from "causeway/plugin";

export async function serveSmallIpam(name: string, socketPath: string): Promise<ServedPlugin> {
  const leased = new Map<string, Set<bigint>>();
  const subnets = new Map<string, Prefix>();
  let pools = 0;
  return servePlugin({
    name,
    listen: { socketPath },
    ipamDriver: {
      requestPool({ subnet = automatic(pools) }) {
        const poolId = `pool-${++pools}`;
        subnets.set(poolId, subnet);
        leased.set(poolId, new Set());
        return { poolId, subnet };
      },
      releasePool({ poolId }) {
        subnets.delete(poolId);
        leased.delete(poolId);
      },
      requestAddress({ poolId, address }) {
        const [subnet, taken] = [subnets.get(poolId), leased.get(poolId)];
        if (subnet === undefined || taken === undefined) throw new Error(`no pool ${poolId}`);
        const chosen = address ?? lowestFree(subnet, taken);
        if (taken.has(chosen.value)) throw new Error("the address is taken");
        taken.add(chosen.value);
        return { address: chosen, length: subnet.length };
      },
      releaseAddress({ poolId, address }) {
        leased.get(poolId)?.delete(address.value);
      },
    },
  });
}

/** 10.70.N.0/24 */
function automatic(pools: number): Prefix {
  return { address: { family: 4, value: 0x0a460000n + BigInt(pools) * 256n }, length: 24 };
}

function lowestFree({ address }: Prefix, taken: ReadonlySet<bigint>): IpAddress {
  let value = address.value + 1n;
  while (taken.has(value)) value++;
  return { ...address, value };
}
