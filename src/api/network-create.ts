/**
 * A network create request to the controller's NetworkSpec. Addresses become values here; every text that is no address is
 * reported at once under dockerd's heading. What addresses may be together is the controller's to judge.
 */
import { tryParseAddress, type Family, type IpAddress } from "../addr/ip-address.ts";
import { tryParsePrefix, type Prefix } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";
import type { NetworkSpec, PoolSpec } from "../controller/cnm.ts";
import type { Decoded } from "./schema/decoder.ts";
import type { NetworkCreateBody, NetworkCreateRequest } from "./schema/network-bodies.ts";

type IpamRequest = NonNullable<Decoded<typeof NetworkCreateBody>["IPAM"]>;
type PoolRequest = NonNullable<IpamRequest["Config"]>[number];

/** Throws `invalid-argument`. EnableIPv4 exists from API 1.48. */
export function networkSpec(request: NetworkCreateRequest, minor: number): NetworkSpec {
  const { Name = "", Driver = "", Scope = "", ConfigFrom, Options, Labels, IPAM } = request;
  return {
    name: Name,
    ...(Driver === "" ? {} : { driver: Driver }),
    ...(Scope === "" ? {} : { scope: Scope }),
    ...flagsOf(request, minor),
    ...(ConfigFrom?.Network ? { configFrom: ConfigFrom.Network } : {}),
    ...(Options === undefined ? {} : { options: Options }),
    ...(Labels === undefined ? {} : { labels: Labels }),
    ...(IPAM === undefined ? {} : { ipam: ipamSpec(IPAM) }),
  };
}

function flagsOf(request: NetworkCreateRequest, minor: number): Omit<NetworkSpec, "name"> {
  const { EnableIPv4, EnableIPv6, Internal, Attachable, Ingress, ConfigOnly } = request;
  return {
    ...(EnableIPv4 === undefined || minor < 48 ? {} : { enableIPv4: EnableIPv4 }),
    ...(EnableIPv6 === undefined ? {} : { enableIPv6: EnableIPv6 }),
    internal: Internal ?? false,
    attachable: Attachable ?? false,
    ingress: Ingress ?? false,
    configOnly: ConfigOnly ?? false,
  };
}

function ipamSpec(ipam: IpamRequest): NonNullable<NetworkSpec["ipam"]> {
  const faults: string[] = [];
  const pools = (ipam.Config ?? []).map((pool) => poolSpec(pool, faults));
  if (faults.length > 0) throw new EngineError("invalid-argument", `invalid network config:\n${faults.join("\n")}`);
  return {
    ...(ipam.Driver ? { driver: ipam.Driver } : {}),
    ...(ipam.Options === undefined ? {} : { options: ipam.Options }),
    pools,
  };
}

function poolSpec(pool: PoolRequest, faults: string[]): PoolSpec {
  const subnet = prefixOf("subnet", pool.Subnet, faults);
  const range = prefixOf("ip-range", pool.IPRange, faults);
  const gateway = addressOf("gateway", pool.Gateway, faults);
  const auxiliary = auxiliaryOf(pool.AuxiliaryAddresses ?? {}, faults);
  const family: Family = subnet?.address.family ?? range?.address.family ?? gateway?.family ?? 4;
  return {
    family,
    ...(subnet === undefined ? {} : { subnet }),
    ...(range === undefined ? {} : { range }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(Object.keys(auxiliary).length === 0 ? {} : { auxiliary }),
  };
}

function prefixOf(what: string, text: string | undefined, faults: string[]): Prefix | undefined {
  if (text === undefined || text === "") return undefined;
  const prefix = tryParsePrefix(text);
  if (prefix === undefined) faults.push(`invalid ${what} ${text}: invalid CIDR block notation`);
  return prefix;
}

function addressOf(what: string, text: string | undefined, faults: string[]): IpAddress | undefined {
  if (text === undefined || text === "") return undefined;
  const address = tryParseAddress(text);
  if (address === undefined) faults.push(`invalid ${what} ${text}: invalid address`);
  return address;
}

function auxiliaryOf(texts: Readonly<Record<string, string>>, faults: string[]): Readonly<Record<string, IpAddress>> {
  const named = Object.entries(texts).map(([name, text]): [string, IpAddress | undefined] => [
    name,
    addressOf("auxiliary address", text, faults),
  ]);
  return Object.fromEntries(named.filter((entry): entry is [string, IpAddress] => entry[1] !== undefined));
}
