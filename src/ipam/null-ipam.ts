/**
 * The IPAM driver "null": one pool per family that spans everything and holds no address, for networks whose containers get
 * their addresses elsewhere (DHCP). Drivers that need addresses refuse its pools.
 */
import { parsePrefix, type Prefix } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";
import type { IpamDriver, Pool, PoolRequest } from "./ipam.ts";

const POOLS: Readonly<Record<4 | 6, Pool>> = {
  4: { id: "null/0.0.0.0/0", subnet: parsePrefix("0.0.0.0/0") },
  6: { id: "null/::/0", subnet: parsePrefix("::/0") },
};

export function createNullIpam(): IpamDriver {
  return {
    name: "null",
    requestPool,
    releasePool: async (poolId) => assertKnown(poolId),
    requestAddress,
    releaseAddress: async (poolId) => assertKnown(poolId),
  };
}

/** The same pool for everyone. Throws `invalid-argument` when a subnet or range is asked for. */
async function requestPool(request: PoolRequest): Promise<Pool> {
  if (request.subnet !== undefined) throw refusal("pool");
  if (request.range !== undefined) throw refusal("subpool");
  return POOLS[request.family];
}

/** Never an address. */
async function requestAddress(poolId: string): Promise<Prefix | undefined> {
  assertKnown(poolId);
  return undefined;
}

function refusal(what: "pool" | "subpool"): EngineError {
  return new EngineError("invalid-argument", `null ipam driver does not handle specific address ${what} requests`);
}

function assertKnown(poolId: string): void {
  if (poolId === POOLS[4].id || poolId === POOLS[6].id) return;
  throw new EngineError("invalid-argument", `unknown pool id: ${poolId}`);
}
