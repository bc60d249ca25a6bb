/**
 * The automatic choice of a subnet: the lowest free one of the first pool that has one, passing over what is allocated and
 * what is reserved. Pure. It jumps from obstacle to obstacle, so a /8 cut into /24s costs no more than its obstacles.
 */
import { lastAddress, prefixSize, type Prefix } from "./prefix.ts";

/** `base` is cut into subnets of length `size`. */
export interface SplitPool {
  readonly base: Prefix;
  readonly size: number;
}

/** The chosen subnet; undefined when the pools are used up. `taken` may overlap each other and come in any order. */
export function chooseSubnet(pools: readonly SplitPool[], taken: readonly Prefix[]): Prefix | undefined {
  const obstacles = [...taken].sort(byFirstAddress);
  for (const pool of pools) {
    const subnet = lowestFreeIn(pool, obstacles);
    if (subnet !== undefined) return subnet;
  }
  return undefined;
}

function lowestFreeIn({ base, size }: SplitPool, obstacles: readonly Prefix[]): Prefix | undefined {
  const { family } = base.address;
  const step = prefixSize({ address: base.address, length: size });
  const end = lastAddress(base).value;
  let candidate = base.address.value;
  for (const obstacle of obstacles) {
    if (obstacle.address.family !== family) continue;
    if (firstOf(obstacle) >= candidate + step) break;
    const last = lastAddress(obstacle).value;
    if (last >= candidate) candidate = (last / step + 1n) * step;
  }
  return candidate + step - 1n <= end ? { address: { family, value: candidate }, length: size } : undefined;
}

function byFirstAddress(a: Prefix, b: Prefix): number {
  return Number(firstOf(a) > firstOf(b)) - Number(firstOf(a) < firstOf(b));
}

function firstOf(prefix: Prefix): bigint {
  return lastAddress(prefix).value - prefixSize(prefix) + 1n;
}
