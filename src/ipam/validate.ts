/**
 * The checks on a network's pools that Docker makes before anything is leased (API v1.51, `ValidateIPAM`): all faults are
 * found, not the first. Pure. Text that is no address or prefix at all never gets here: the API's edge reports it.
 */
import { formatAddress, type Family, type IpAddress } from "../addr/ip-address.ts";
import { formatPrefix, networkOf, prefixContains, prefixesOverlap, samePrefix, type Prefix } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";

/** What the user asked for; host bits as they were typed. */
export interface PoolConfig {
  readonly family: Family;
  readonly subnet?: Prefix;
  readonly range?: Prefix;
  readonly gateway?: IpAddress;
  readonly auxiliary?: Readonly<Record<string, IpAddress>>;
}

/** Throws `invalid-argument` "invalid network config:\n..." with a line per fault. IPv6 pools count only if it is enabled. */
export function validatePools(pools: readonly PoolConfig[], options: { readonly enableIPv6: boolean }): void {
  const faults = pools.flatMap((pool) => poolFaults(pool, options.enableIPv6));
  if (faults.length > 0) throw new EngineError("invalid-argument", `invalid network config:\n${faults.join("\n")}`);
}

/** The lines for one pool, in Docker's order: subnet, range, gateway, auxiliary addresses. */
export function poolFaults(pool: PoolConfig, enableIPv6: boolean): readonly string[] {
  const { subnet, range, gateway, auxiliary = {} } = pool;
  if (subnet === undefined) return ["invalid subnet : invalid CIDR block notation"];
  if (subnet.address.family === 6 && !enableIPv6) return [];
  return [
    ...hostBitFaults("subnet", subnet),
    ...(range === undefined ? [] : rangeFaults(range, subnet)),
    ...(gateway === undefined ? [] : addressFaults(`gateway ${formatAddress(gateway)}`, gateway, subnet)),
    ...Object.entries(auxiliary).flatMap(([name, address]) =>
      addressFaults(`auxiliary address ${name}`, address, subnet),
    ),
  ];
}

function hostBitFaults(what: "subnet" | "ip-range", prefix: Prefix): string[] {
  const network = networkOf(prefix);
  if (samePrefix(prefix, network)) return [];
  return [`invalid ${what} ${formatPrefix(prefix)}: it should be ${formatPrefix(network)}`];
}

function rangeFaults(range: Prefix, subnet: Prefix): string[] {
  const start = `invalid ip-range ${formatPrefix(range)}:`;
  if (range.address.family !== subnet.address.family) return [`${start} ${otherFamily(subnet)}`];
  return [
    ...(range.length < subnet.length
      ? [`${start} CIDR block is bigger than its parent subnet ${formatPrefix(subnet)}`]
      : []),
    ...hostBitFaults("ip-range", range),
    ...(prefixesOverlap(subnet, range)
      ? []
      : [`${start} parent subnet ${formatPrefix(subnet)} doesn't contain ip-range`]),
  ];
}

function addressFaults(what: string, address: IpAddress, subnet: Prefix): string[] {
  if (address.family !== subnet.address.family) return [`invalid ${what}: ${otherFamily(subnet)}`];
  if (prefixContains(subnet, address)) return [];
  return [`invalid ${what}: parent subnet ${formatPrefix(subnet)} doesn't contain this address`];
}

function otherFamily(subnet: Prefix): string {
  return `parent subnet is an IPv${subnet.address.family} block`;
}
