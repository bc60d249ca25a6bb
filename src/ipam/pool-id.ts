/** Pool ids as Docker writes them: `LocalDefault/172.18.0.0/16`, with `/172.18.5.0/24` behind it for a range. */
import { formatPrefix, tryParsePrefix, type Prefix } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";

export interface PoolKey {
  readonly addressSpace: "local" | "global";
  readonly subnet: Prefix;
  readonly range?: Prefix;
}

const SPACE_NAMES = { local: "LocalDefault", global: "GlobalDefault" } as const;

export function formatPoolId(key: PoolKey): string {
  const range = key.range === undefined ? "" : `/${formatPrefix(key.range)}`;
  return `${SPACE_NAMES[key.addressSpace]}/${formatPrefix(key.subnet)}${range}`;
}

/** Throws `invalid-argument` "invalid pool id: X". */
export function parsePoolId(id: string): PoolKey {
  const [space, address, length, rangeAddress, rangeLength, ...rest] = id.split("/");
  const addressSpace = space === SPACE_NAMES.local ? "local" : space === SPACE_NAMES.global ? "global" : undefined;
  const subnet = tryParsePrefix(`${address}/${length}`);
  const range = rangeAddress === undefined ? undefined : tryParsePrefix(`${rangeAddress}/${rangeLength}`);
  const whole = rest.length === 0 && (rangeAddress === undefined) === (range === undefined);
  if (addressSpace === undefined || subnet === undefined || !whole) {
    throw new EngineError("invalid-argument", `invalid pool id: ${id}`);
  }
  return range === undefined ? { addressSpace, subnet } : { addressSpace, subnet, range };
}
