/**
 * Leases an endpoint's addresses, one per address family of its network: the one asked for, or the lowest free of the first
 * pool that has one. Each lease is undone when what follows fails.
 */
import { formatAddress, type Family, type IpAddress } from "../addr/ip-address.ts";
import type { MacAddress } from "../addr/mac-address.ts";
import { prefixContains, type Prefix } from "../addr/prefix.ts";
import { EngineError, messageOf } from "../base/errors.ts";
import type { Rollback } from "../base/rollback.ts";
import type { EndpointIntent, NetworkIntent, PoolIntent } from "../drivers/intent.ts";
import { NoAvailableAddresses } from "../ipam/ipam-errors.ts";
import type { EndpointSpec } from "./cnm.ts";
import { present } from "../store/record-reader.ts";
import { forgiving, isPlugin } from "./lease-pools.ts";
import { isShared } from "./shared/shared-record.ts";
import type { World } from "./world.ts";

export async function leaseAddresses(
  world: World,
  network: NetworkIntent,
  spec: Pick<EndpointSpec, "ipv4Address" | "ipv6Address" | "mac">,
  undo: Rollback,
): Promise<readonly Prefix[]> {
  const leased: Prefix[] = [];
  for (const family of [4, 6] as const) {
    const pools = leasedPools(network, family);
    const wanted = family === 4 ? spec.ipv4Address : spec.ipv6Address;
    const address =
      pools.length === 0 ? undefined : await leaseFrom(world, network, { pools, wanted, mac: spec.mac, undo });
    if (address !== undefined) leased.push(address);
  }
  return leased;
}

interface LeasedPool extends PoolIntent {
  readonly poolId: string;
}

function leasedPools(network: NetworkIntent, family: Family): readonly LeasedPool[] {
  return network.pools.flatMap((pool) =>
    pool.family === family && pool.poolId !== undefined ? [{ ...pool, poolId: pool.poolId }] : [],
  );
}

interface Wish {
  readonly pools: readonly LeasedPool[];
  readonly wanted: IpAddress | undefined;
  readonly mac: MacAddress | undefined;
  readonly undo: Rollback;
}

async function leaseFrom(world: World, network: NetworkIntent, wish: Wish): Promise<Prefix | undefined> {
  const ipam = world.ipamDriver(network.ipamDriver);
  const { wanted } = wish;
  const pools = wanted === undefined ? wish.pools : wish.pools.filter((pool) => holds(pool, wanted));
  if (wanted !== undefined && pools.length === 0) throw outsideSubnets(wanted);
  for (const { poolId } of pools) {
    try {
      const request = present({ address: wanted, purpose: "endpoint" as const, mac: wish.mac });
      const leased = await ipam.requestAddress(poolId, request);
      if (leased !== undefined) {
        wish.undo.add("address lease", () => release(world, network, { poolId, address: leased.address }));
      }
      return leased;
    } catch (cause) {
      if (!(cause instanceof NoAvailableAddresses)) throw cause;
    }
  }
  const family = pools[0]?.family ?? 4;
  const where = `${network.name} (${network.id})`;
  throw new EngineError("internal", `no available IPv${family} addresses on this network's address pools: ${where}`);
}

function holds({ subnet }: PoolIntent, address: IpAddress): boolean {
  return subnet !== undefined && prefixContains(subnet, address);
}

/** Docker's sentence, one of its `invalid endpoint settings`. */
export function outsideSubnets(address: IpAddress): EngineError {
  const why = `no configured subnet contains IP address ${formatAddress(address)}`;
  return new EngineError("invalid-argument", `invalid endpoint settings:\n${why}`);
}

/** Accepts absence. */
export async function releaseAddresses(
  world: World,
  network: NetworkIntent,
  endpoint: Pick<EndpointIntent, "addresses">,
): Promise<void> {
  for (const lease of leasesOf(network, endpoint)) await release(world, network, lease);
}

interface AddressLease {
  readonly poolId: string;
  readonly address: IpAddress;
}

export function leasesOf(
  network: NetworkIntent,
  { addresses }: Pick<EndpointIntent, "addresses">,
): readonly AddressLease[] {
  return addresses.flatMap(({ address }) => {
    const pool = leasedPools(network, address.family).find((candidate) => holds(candidate, address));
    return pool === undefined ? [] : [{ poolId: pool.poolId, address }];
  });
}

/** The cluster remembers what it could not be told while its store is away, and makes up for it: nobody is kept by that. */
async function release(world: World, network: NetworkIntent, { poolId, address }: AddressLease): Promise<void> {
  try {
    const ipam = world.ipamDriver(network.ipamDriver);
    await forgiving(world, ipam, ipam.releaseAddress(poolId, address));
  } catch (cause) {
    const isAway = cause instanceof EngineError && cause.code === "unavailable";
    if (!isAway || !isShared(world, network)) throw cause;
    world.log.warn({ pool: poolId, err: cause }, `address to be given back later: ${messageOf(cause)}`);
  }
}

/** Start-up: takes again exactly the addresses that the intent has. Throws when another has one of them. */
export async function replayAddresses(
  world: World,
  network: NetworkIntent,
  endpoint: Pick<EndpointIntent, "addresses">,
): Promise<void> {
  if (isPlugin(world, network)) return;
  const ipam = world.ipamDriver(network.ipamDriver);
  for (const { poolId, address } of leasesOf(network, endpoint)) {
    await ipam.requestAddress(poolId, { address, purpose: "endpoint", again: true });
  }
}
