/**
 * What a new bridge network must not share with the bridge networks that exist, and what no bridge network may ask for;
 * messages and their order are those of Docker's bridge driver.
 */
import { EngineError } from "../../base/errors.ts";
import { prefixesOverlap, type Prefix } from "../../addr/prefix.ts";
import { enabledFamilies } from "../enabled-families.ts";
import type { NetworkIntent } from "../intent.ts";

/** Throws unless the families and pools make a bridge network. Subnets may still be missing: they are leased later. */
export function checkPools(network: NetworkIntent): void {
  if (!network.enableIPv4 && !network.enableIPv6)
    throw new EngineError("invalid-argument", "IPv4 or IPv6 must be enabled");
  for (const family of enabledFamilies(network)) {
    if (network.ipamDriver === "null") throw new EngineError("invalid-argument", `ipv${family} pool is empty`);
    if (network.pools.filter((pool) => pool.family === family).length > 1)
      throw new EngineError("forbidden", "bridge driver doesn't support multiple subnets");
  }
}

interface BridgeClaim {
  readonly network: NetworkIntent;
  readonly bridge: string;
}

/** Throws `forbidden` when a new network clashes with another. A thousand of them are asked after, so nothing is made here. */
export function checkConflict(mine: BridgeClaim, other: BridgeClaim): void {
  const reason =
    other.bridge === mine.bridge ? "same bridge name" : overlap(claims(mine.network), claims(other.network));
  if (reason === undefined) return;
  throw new EngineError(
    "forbidden",
    `cannot create network ${mine.network.id} (${mine.bridge}): conflicts with network ` +
      `${other.network.id} (${other.bridge}): networks have ${reason}`,
  );
}

function overlap(own: readonly Prefix[], theirs: readonly Prefix[]): string | undefined {
  for (const mine of own)
    for (const other of theirs)
      if (mine.address.family === other.address.family && prefixesOverlap(mine, other))
        return `overlapping IPv${mine.address.family}`;
  return undefined;
}

/** The subnets of each network, IPv4 first. Intents do not change, and a new network is compared with all there are. */
const known = new WeakMap<NetworkIntent, readonly Prefix[]>();

function claims(network: NetworkIntent): readonly Prefix[] {
  const remembered = known.get(network);
  if (remembered !== undefined) return remembered;
  const subnets = enabledFamilies(network).flatMap((family) =>
    network.pools.flatMap((pool) => (pool.family === family ? (pool.subnet ?? []) : [])),
  );
  known.set(network, subnets);
  return subnets;
}
