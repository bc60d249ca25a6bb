/**
 * The built-in IPAM driver, "default": Docker's `defaultipam` by behaviour. Subnets by choice come from the default pools,
 * lowest free first; addresses by choice are the lowest free of the range, at once reusable after release. Its state is in
 * memory only and rebuilt by replaying the intents in order of their creation.
 */
import { isUnspecified, type Family } from "../addr/ip-address.ts";
import { networkOf, prefixContains, type Prefix } from "../addr/prefix.ts";
import type { SplitPool } from "../addr/subnet-choice.ts";
import { EngineError } from "../base/errors.ts";
import { AddressSpace } from "./address-space.ts";
import { DEFAULT_GLOBAL_POOLS, DEFAULT_LOCAL_POOLS, preparePools, uniqueLocalPool } from "./default-pools.ts";
import type { AddressRequest, IpamDriver, Pool, PoolRequest } from "./ipam.ts";
import { poolNotFound } from "./ipam-errors.ts";
import { formatPoolId, parsePoolId, type PoolKey } from "./pool-id.ts";

export interface DefaultIpamOptions {
  /** Replace Docker's default pools, each kind as a whole; an empty or absent list keeps them. */
  readonly pools?: { readonly local?: readonly SplitPool[]; readonly global?: readonly SplitPool[] };
  /** The daemon's id, of which the IPv6 pool is made where `pools.local` has none. Without it there is no IPv6 pool. */
  readonly ulaSeed?: string;
}

/** Throws `invalid-argument` for a pool that cannot be cut into subnets of its size. */
export function createDefaultIpam(options: DefaultIpamOptions = {}): IpamDriver {
  return new DefaultIpam(localPools(options), orElse(options.pools?.global, DEFAULT_GLOBAL_POOLS));
}

function localPools({ pools, ulaSeed }: DefaultIpamOptions): readonly SplitPool[] {
  const local = orElse(pools?.local, DEFAULT_LOCAL_POOLS);
  const hasIPv6 = local.some(({ base }) => base.address.family === 6);
  return hasIPv6 || ulaSeed === undefined ? local : [...local, uniqueLocalPool(ulaSeed)];
}

function orElse(pools: readonly SplitPool[] | undefined, defaults: readonly SplitPool[]): readonly SplitPool[] {
  return pools === undefined || pools.length === 0 ? defaults : pools;
}

class DefaultIpam implements IpamDriver {
  readonly name = "default";
  readonly #spaces: Readonly<Record<`${PoolKey["addressSpace"]}${Family}`, AddressSpace>>;

  constructor(local: readonly SplitPool[], global: readonly SplitPool[]) {
    this.#spaces = {
      local4: new AddressSpace(preparePools(local, 4)),
      local6: new AddressSpace(preparePools(local, 6)),
      global4: new AddressSpace(preparePools(global, 4)),
      global6: new AddressSpace(preparePools(global, 6)),
    };
  }

  async requestPool(request: PoolRequest): Promise<Pool> {
    const { addressSpace, family } = request;
    const space = this.#spaces[`${addressSpace}${family}`];
    const { subnet, range } = checkedRequest(request);
    if (subnet === undefined || isUnspecified(subnet.address)) {
      const size = subnet === undefined || subnet.length === 0 ? undefined : subnet.length;
      const chosen = space.allocateAny(request.reserved, size);
      return { id: formatPoolId({ addressSpace, subnet: chosen }), subnet: chosen };
    }
    space.allocate(subnet, range);
    const key = range === undefined ? { addressSpace, subnet } : { addressSpace, subnet, range };
    return { id: formatPoolId(key), subnet };
  }

  async releasePool(poolId: string): Promise<void> {
    const { key, space } = this.#locate(poolId);
    space.release(key.subnet, key.range);
  }

  async requestAddress(poolId: string, request: AddressRequest): Promise<Prefix> {
    const { key, space } = this.#locate(poolId);
    const address = space.lease(key.subnet, key.range, request.address);
    if (address === undefined) throw poolNotFound(poolId);
    return { address, length: key.subnet.length };
  }

  async releaseAddress(poolId: string, address: Prefix["address"]): Promise<void> {
    const { key, space } = this.#locate(poolId);
    space.unlease(key.subnet, key.range, address);
  }

  #locate(poolId: string): { key: PoolKey; space: AddressSpace } {
    const key = parsePoolId(poolId);
    return { key, space: this.#spaces[`${key.addressSpace}${key.subnet.address.family}`] };
  }
}

/** Subnet and range without host bits. A range larger than its subnet becomes the subnet, as Docker has it. */
function checkedRequest({ family, subnet, range }: PoolRequest): { subnet?: Prefix; range?: Prefix } {
  if (subnet === undefined) {
    if (range !== undefined) throw invalidRange("an ip-range needs a subnet");
    return {};
  }
  if (subnet.address.family !== family) throw invalidRange("subnet and pool are of different address families");
  if (range === undefined) return { subnet: networkOf(subnet) };
  if (range.address.family !== family) throw invalidRange("pool and subpool are of incompatible address families");
  if (isUnspecified(subnet.address)) throw invalidRange("an ip-range needs a subnet");
  if (range.length < subnet.length) return { subnet: networkOf(subnet), range: networkOf(subnet) };
  if (!prefixContains(subnet, range.address)) throw invalidRange("the ip-range lies outside the subnet");
  return { subnet: networkOf(subnet), range: networkOf(range) };
}

function invalidRange(why: string): EngineError {
  return new EngineError("invalid-argument", `invalid pool request: ${why}`);
}
