/**
 * The addresses of a link that somebody else made and that a network uses (`--bridge`, `com.docker.network.bridge.name`): what
 * the link has decides what nobody said.
 */
import { networkOf, prefixContains, type Prefix } from "../addr/prefix.ts";
import type { Family } from "../addr/ip-address.ts";
import type { NetworkIntent, PoolIntent } from "../drivers/intent.ts";
import { HOST } from "../kernel/facts.ts";
import type { ObservedAddress } from "../kernel/observation.ts";
import type { World } from "./world.ts";

/** The family's addresses on the link, in the kernel's order, with the lengths of their subnets. */
export function addressesOnLink(
  addresses: readonly ObservedAddress[],
  { link, family }: { readonly link: string; readonly family: Family },
): readonly Prefix[] {
  return addresses
    .filter((seen) => seen.link === link && isOfNetwork(seen.address, family))
    .map(({ address }) => address);
}

/** Link-local addresses are on every link and say nothing about its subnet. */
function isOfNetwork({ address, length }: Prefix, family: Family): boolean {
  if (address.family !== family) return false;
  return family === 4 ? length < 32 : length < 128 && address.value >> 118n !== 0xfe80n >> 6n;
}

/**
 * The network with its pools filled in from the link that it is to use: subnet and gateway where no subnet was asked for, the
 * gateway where the link has an address in the subnet that was.
 */
export async function takeOverAddresses(world: World, network: NetworkIntent): Promise<NetworkIntent> {
  const link = network.configOnly ? undefined : world.driver(network.driver).adoptedLink(network);
  if (link === undefined) return network;
  const { addresses } = await world.kernel.observe(HOST);
  const enabled = ([4, 6] as const).filter((family) => (family === 4 ? network.enableIPv4 : network.enableIPv6));
  const pools = enabled.flatMap((family) => {
    const found = addressesOnLink(addresses, { link, family });
    const asked = network.pools.filter((pool) => pool.family === family);
    return (asked.length === 0 ? [{ family, auxiliary: {} }] : asked).map((pool) => fromLink(pool, found));
  });
  return { ...network, pools };
}

function fromLink(pool: PoolIntent, found: readonly Prefix[]): PoolIntent {
  const { subnet, gateway } = pool;
  if (gateway !== undefined) return pool;
  const own = found.find(({ address, length }) => {
    return subnet === undefined || (length === subnet.length && prefixContains(subnet, address));
  });
  return own === undefined ? pool : { ...pool, subnet: networkOf(own), gateway: own.address };
}
