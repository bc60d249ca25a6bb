/** Groups `--subnet`, `--ip-range`, `--gateway` and `--aux-address` by subnet, as docker does before it asks the daemon. */
import { tryParseAddress, type IpAddress } from "../../addr/ip-address.ts";
import { prefixContains, tryParsePrefix } from "../../addr/prefix.ts";
import { CliFailure } from "../failure.ts";

export interface IpamFlags {
  readonly subnets: readonly string[];
  readonly ranges: readonly string[];
  readonly gateways: readonly string[];
  /** Name to address. */
  readonly auxiliary: Readonly<Record<string, string>>;
}

/** One element of `IPAM.Config`. */
export interface PoolConfig {
  Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/** Throws CliFailure when something belongs to no subnet, or to one that has its like already. */
export function groupIpam({ subnets, ranges, gateways, auxiliary }: IpamFlags): PoolConfig[] {
  if (subnets.length < ranges.length || subnets.length < gateways.length) {
    throw new CliFailure("every ip-range or gateway must have a corresponding subnet");
  }
  assertDisjoint(subnets);
  const pools = subnets.map((subnet): PoolConfig => ({ Subnet: subnet }));
  for (const range of ranges) addRange(find(pools, range, "range"), range);
  for (const gateway of gateways) addGateway(find(pools, gateway, "gateway"), gateway);
  for (const [name, address] of Object.entries(auxiliary)) {
    const pool = find(pools, address, "aux-address");
    pool.AuxiliaryAddresses = { ...pool.AuxiliaryAddresses, [name]: address };
  }
  return pools;
}

function assertDisjoint(subnets: readonly string[]): void {
  subnets.forEach((subnet, index) => {
    for (const other of subnets.slice(0, index)) {
      if (contains(subnet, other) || contains(other, subnet)) {
        throw new CliFailure("multiple overlapping subnet configuration is not supported");
      }
    }
  });
}

function find(pools: readonly PoolConfig[], text: string, what: "range" | "gateway" | "aux-address"): PoolConfig {
  const pool = pools.find(({ Subnet }) => contains(Subnet, text));
  if (pool === undefined) throw new CliFailure(`no matching subnet for ${what} ${text}`);
  return pool;
}

function addRange(pool: PoolConfig, range: string): void {
  if (pool.IPRange !== undefined) {
    throw new CliFailure(
      `cannot configure multiple ranges (${range}, ${pool.IPRange}) on the same subnet (${pool.Subnet})`,
    );
  }
  pool.IPRange = range;
}

function addGateway(pool: PoolConfig, gateway: string): void {
  if (pool.Gateway !== undefined) {
    throw new CliFailure(
      `cannot configure multiple gateways (${gateway}, ${pool.Gateway}) for the same subnet (${pool.Subnet})`,
    );
  }
  pool.Gateway = gateway;
}

/** Whether the subnet contains the address, or the first address of the prefix. */
function contains(subnet: string, text: string): boolean {
  const prefix = tryParsePrefix(subnet);
  if (prefix === undefined) throw new CliFailure(`invalid subnet: invalid CIDR address: ${subnet}`);
  const address = addressOf(text);
  return address !== undefined && prefixContains(prefix, address);
}

function addressOf(text: string): IpAddress | undefined {
  if (!text.includes("/")) return tryParseAddress(text);
  const prefix = tryParsePrefix(text);
  if (prefix === undefined) throw new CliFailure(`invalid CIDR address: ${text}`);
  return prefix.address;
}
