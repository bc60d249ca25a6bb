/**
 * Leases a network's pools from its IPAM driver: subnet, gateway, auxiliary addresses, in Docker's order, each undone when
 * what follows fails. Start-up replays the same leases from the intents, because the built-in IPAM remembers nothing.
 */
import { readFile } from "node:fs/promises";
import { formatAddress, type Family, type IpAddress } from "../addr/ip-address.ts";
import type { Prefix } from "../addr/prefix.ts";
import { EngineError, messageOf } from "../base/errors.ts";
import type { Rollback } from "../base/rollback.ts";
import { parseResolvConf } from "../dns/resolv-conf.ts";
import type { NetworkIntent, PoolIntent } from "../drivers/intent.ts";
import type { IpamDriver, Pool, PoolRequest } from "../ipam/ipam.ts";
import { reservedPrefixes } from "../ipam/reserved.ts";
import { HOST } from "../kernel/facts.ts";
import { present } from "../store/record-reader.ts";
import { isShared } from "./shared/shared-record.ts";
import type { World } from "./world.ts";

/** Docker's default address management; of a shared network, the cluster's. */
const CLUSTER_IPAM = "default";
const INHIBIT_IPV4 = "com.docker.network.bridge.inhibit_ipv4";

/** The network's pools as leased. A family that is enabled and has no pool gets one by choice. */
export async function leasePools(
  world: World,
  network: NetworkIntent,
  { skipped, undo }: Pick<Lease, "skipped" | "undo">,
): Promise<readonly PoolIntent[]> {
  if (network.configOnly || !world.driver(network.driver).capabilities.addresses) return network.pools;
  const wanted = [...network.pools, ...missingFamilies(network)];
  const reserved = wanted.some(isByChoice) ? await prefixesInUse(world) : [];
  const leased: PoolIntent[] = [];
  for (const pool of wanted) {
    leased.push(pool.poolId === undefined ? await leasePool(world, network, { pool, reserved, skipped, undo }) : pool);
  }
  return leased;
}

function missingFamilies(network: NetworkIntent): PoolIntent[] {
  const families = ([4, 6] as const).filter((family) => (family === 4 ? network.enableIPv4 : network.enableIPv6));
  return families
    .filter((family) => !network.pools.some((pool) => pool.family === family))
    .map((family) => ({ family, auxiliary: {} }));
}

function isByChoice({ subnet }: PoolIntent): boolean {
  return subnet === undefined || subnet.address.value === 0n;
}

/** What an automatic choice keeps clear of: the host's own networks and its nameservers. */
export async function prefixesInUse(world: World): Promise<readonly Prefix[]> {
  const observation = await world.kernel.observe(HOST);
  const text = await readFile(world.settings.resolvConfPath, "utf8").catch(() => "");
  const { nameservers } = parseResolvConf(text, world.settings.resolvConfPath);
  return reservedPrefixes(
    observation,
    nameservers.map(({ address }) => address),
  );
}

/**
 * Whether the network's addresses are from the pools of one host or of a cluster. Our own pools of this host are kept clear of those
 * of a cluster that it may come to later; a plugin keeps its own accounts.
 */
export function addressSpaceOf(world: World, network: NetworkIntent): PoolRequest["addressSpace"] {
  return network.scope === "global" && (network.unshared !== true || isPlugin(world, network)) ? "global" : "local";
}

interface Lease {
  readonly pool: PoolIntent;
  readonly reserved: readonly Prefix[];
  /** Families that get no gateway which was not asked for. */
  readonly skipped: readonly Family[];
  readonly undo: Rollback;
}

async function leasePool(world: World, network: NetworkIntent, lease: Lease): Promise<PoolIntent> {
  const { pool, reserved, undo } = lease;
  const ipam = world.ipamDriver(network.ipamDriver);
  const leased = await ipam.requestPool(
    present({
      family: pool.family,
      addressSpace: addressSpaceOf(world, network),
      subnet: pool.subnet,
      range: pool.range,
      options: network.ipamOptions ?? {},
      reserved,
    }),
  );
  const held: IpAddress[] = [];
  undo.add(`pool ${leased.id}`, () => ipam.releasePool(leased.id, held));
  const gateway = skipsGateway(world, network, lease)
    ? leased.gateway?.address
    : await gatewayOf(ipam, network, { pool, leased });
  if (gateway !== undefined) held.push(gateway);
  await leaseAuxiliary(ipam, leased.id, pool.auxiliary, held);
  return present({ ...pool, poolId: leased.id, subnet: leased.subnet, gateway });
}

/** Where no container would use one, no address is kept for a gateway that nobody asked for. */
function skipsGateway(world: World, network: NetworkIntent, { pool, skipped }: Lease): boolean {
  if (pool.gateway !== undefined) return false;
  return skipped.includes(pool.family) || world.driver(network.driver).skipsGateway?.(network) === true;
}

/** One that the driver insists on is the network's already. */
async function gatewayOf(
  ipam: IpamDriver,
  network: NetworkIntent,
  { pool, leased }: { readonly pool: PoolIntent; readonly leased: Pool },
): Promise<IpAddress | undefined> {
  if (pool.gateway === undefined && leased.gateway !== undefined) return leased.gateway.address;
  return leaseGateway(ipam, leased.id, network, { family: pool.family, wanted: pool.gateway });
}

/** Released with the pool. */
async function leaseGateway(
  ipam: IpamDriver,
  poolId: string,
  network: NetworkIntent,
  gateway: { readonly family: Family; readonly wanted: IpAddress | undefined },
): Promise<IpAddress | undefined> {
  const { family, wanted } = gateway;
  if (
    wanted === undefined &&
    family === 4 &&
    network.internal &&
    /^(1|t|true)$/i.test(network.options[INHIBIT_IPV4] ?? "")
  ) {
    return undefined;
  }
  try {
    const leased = await ipam.requestAddress(poolId, present({ address: wanted, purpose: "gateway" as const }));
    return leased?.address;
  } catch (cause) {
    const which = wanted === undefined ? "" : formatAddress(wanted);
    throw new EngineError(codeOf(cause), `failed to allocate gateway (${which}): ${messageOf(cause)}`, { cause });
  }
}

async function leaseAuxiliary(
  ipam: IpamDriver,
  poolId: string,
  auxiliary: PoolIntent["auxiliary"],
  held: IpAddress[],
): Promise<void> {
  for (const [name, address] of Object.entries(auxiliary)) {
    try {
      await ipam.requestAddress(poolId, { address, purpose: "auxiliary" });
      held.push(address);
    } catch (cause) {
      const what = `failed to allocate secondary ip address (${name}:${formatAddress(address)})`;
      throw new EngineError(codeOf(cause), `${what}: ${messageOf(cause)}`, { cause });
    }
  }
}

/** Docker answers 500 whatever the reason; that nobody can be asked is another matter. */
function codeOf(cause: unknown): "internal" | "unavailable" {
  return cause instanceof EngineError && cause.code === "unavailable" ? cause.code : "internal";
}

/** Gives back all pools with everything leased from them. Accepts absence. The cluster's went with the shared network. */
export async function releasePools(world: World, network: NetworkIntent): Promise<void> {
  if (isShared(world, network) && network.ipamDriver === CLUSTER_IPAM) return;
  const ipam = world.ipamDriver(network.ipamDriver);
  for (const { poolId, gateway, auxiliary } of network.pools) {
    if (poolId === undefined) continue;
    const held = [...(gateway === undefined ? [] : [gateway]), ...Object.values(auxiliary)];
    await forgiving(world, ipam, ipam.releasePool(poolId, held));
  }
}

/** Giving back never stops at what a program says of it. */
export async function forgiving(world: World, ipam: IpamDriver, release: Promise<void>): Promise<void> {
  try {
    await release;
  } catch (cause) {
    if (ipam.needs === undefined) throw cause;
    world.log.warn({ err: cause }, `IPAM driver error, ignored: ${messageOf(cause)}`);
  }
}

/** Start-up: takes again exactly what the intent says is ours. */
export async function replayPools(world: World, network: NetworkIntent, undo: Rollback): Promise<void> {
  if (isPlugin(world, network)) return;
  for (const pool of network.pools) {
    if (pool.poolId === undefined) continue;
    const leased = await leasePool(world, network, {
      pool,
      reserved: [],
      skipped: network.predefined ? [] : [4, 6],
      undo,
    });
    if (leased.poolId !== pool.poolId) {
      throw new EngineError("internal", `pool ${pool.poolId} of network ${network.name} came back as ${leased.poolId}`);
    }
  }
}

/** An IPAM driver that is a program has its own memory, or is asked again in the background (`replay-plugins.ts`). */
export function isPlugin(world: World, { ipamDriver }: NetworkIntent): boolean {
  return world.ipamDriver(ipamDriver).needs !== undefined;
}
