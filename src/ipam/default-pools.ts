/**
 * The pools that subnets are taken from when nobody asks for one: Docker's (31 local networks, then 10.0.0.0/8 in /24s for
 * clusters), what the user configures instead, and an IPv6 unique local /48 (RFC 4193) derived from the daemon's id.
 */
import { createHash } from "node:crypto";
import { familyBits, parseAddress, type Family } from "../addr/ip-address.ts";
import { comparePrefixes, formatPrefix, networkOf, parsePrefix, prefixesOverlap } from "../addr/prefix.ts";
import type { SplitPool } from "../addr/subnet-choice.ts";
import { EngineError } from "../base/errors.ts";

function pool(base: string, size: number): SplitPool {
  return { base: parsePrefix(base), size };
}

/** 15 networks of /16, then 16 of /20. */
export const DEFAULT_LOCAL_POOLS: readonly SplitPool[] = [
  pool("172.17.0.0/16", 16),
  pool("172.18.0.0/16", 16),
  pool("172.19.0.0/16", 16),
  pool("172.20.0.0/14", 16),
  pool("172.24.0.0/14", 16),
  pool("172.28.0.0/14", 16),
  pool("192.168.0.0/16", 20),
];

export const DEFAULT_GLOBAL_POOLS: readonly SplitPool[] = [pool("10.0.0.0/8", 24)];

/** The /48 whose 40-bit global id is taken from the SHA-256 of the seed, as dockerd takes it from its id, cut into /64s. */
export function uniqueLocalPool(seed: string): SplitPool {
  const digest = createHash("sha256").update(seed).digest();
  const globalId = digest.readBigUInt64BE(0) & ((1n << 40n) - 1n);
  const address = { family: 6, value: parseAddress("fd00::").value + (globalId << 80n) } as const;
  return { base: { address, length: 48 }, size: 64 };
}

/**
 * The family's pools in address order; a pool inside an earlier, larger one is dropped. Throws `invalid-argument` for a pool
 * that cannot be cut into its size.
 */
export function preparePools(pools: readonly SplitPool[], family: Family): readonly SplitPool[] {
  pools.forEach(assertDivisible);
  const sorted = pools
    .filter(({ base }) => base.address.family === family)
    .map(({ base, size }) => ({ base: networkOf(base), size }))
    .sort((a, b) => comparePrefixes(a.base, b.base));
  return sorted.reduce<SplitPool[]>((kept, next) => {
    const previous = kept.at(-1);
    if (previous === undefined || !prefixesOverlap(previous.base, next.base)) kept.push(next);
    return kept;
  }, []);
}

function assertDivisible({ base, size }: SplitPool, index: number): void {
  const pool = `address pool ${index} (${formatPrefix(base)})`;
  if (base.length > size) {
    throw new EngineError(
      "invalid-argument",
      `${pool} has a smaller prefix (/${base.length}) than its target size (/${size})`,
    );
  }
  if (size > familyBits(base.address.family) || size === 0) {
    throw new EngineError("invalid-argument", `${pool} cannot be cut into subnets of size /${size}`);
  }
}
