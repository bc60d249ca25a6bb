/**
 * What the keys hold (`keys.ts`), as JSON text. Every field is checked when it is read, because anybody can write to the store;
 * a record that is not understood throws RecordError or SyntaxError, and nothing of it is used.
 */
import { formatAddress, isMulticast, isUnspecified, tryParseAddress, type IpAddress } from "../addr/ip-address.ts";
import { formatMac, isStationMac } from "../addr/mac-address.ts";
import { formatPrefix, prefixSpans, type Prefix } from "../addr/prefix.ts";
import { present, RecordError, RecordReader } from "../store/record-reader.ts";
import type { Json } from "../store/store.ts";
import type { ClusterHost, OwnEndpoint, SharedNetwork } from "./cluster.ts";
import { endpointKey, hostKey, networkKey, poolKey, ROOT } from "./keys.ts";

export interface HostRecord extends ClusterHost {
  /** Drawn by each process: tells a host that started again from one whose id somebody copied. */
  readonly incarnation: string;
}

export interface NetworkRecord extends SharedNetwork {
  /** Who made it, and writes it anew when somebody spoils it. */
  readonly host: string;
  /** Milliseconds since the Unix epoch, by its maker's clock: for the order of lists only. */
  readonly createdMs: number;
  /** Tokens of the pools that were taken for it, and go with it. */
  readonly pools: readonly string[];
  /** Somebody is removing it. Whoever puts an endpoint there meanwhile takes this out, and the removal fails. */
  readonly removing?: string;
}

export interface EndpointRecord extends OwnEndpoint {
  readonly host: string;
}

export interface PoolRecord {
  readonly subnet: Prefix;
  readonly range?: Prefix;
  readonly token: string;
  readonly host: string;
  readonly incarnation: string;
}

export interface AddressRecord {
  readonly token: string;
  readonly address: IpAddress;
  readonly host: string;
  /** Absent: the host gave it back, and it rests. */
  readonly holder?: string;
}

/** Whether it belongs to the network, not to the host that leased it: kept when that goes, and gone with the pool. */
export function isNetworks({ holder }: Pick<AddressRecord, "holder">): boolean {
  return holder === "gateway" || holder === "auxiliary";
}

export type ClusterEntry =
  | { readonly kind: "host"; readonly value: HostRecord }
  | { readonly kind: "network"; readonly value: NetworkRecord }
  | { readonly kind: "endpoint"; readonly value: EndpointRecord }
  | { readonly kind: "pool"; readonly value: PoolRecord }
  | { readonly kind: "address"; readonly value: AddressRecord };

/** The record of a key; undefined for keys of which no copy is kept (claims, settings, and what is not ours). */
export function decodeEntry(key: string, text: string): ClusterEntry | undefined {
  const [root, kind = ""] = key.split("/", 2);
  if (root !== ROOT) return undefined;
  switch (kind) {
    case "hosts":
      return { kind: "host", value: decodeHost(key, text) };
    case "networks":
      return { kind: "network", value: decodeNetwork(key, text) };
    case "endpoints":
      return { kind: "endpoint", value: decodeEndpoint(key, text) };
    case "pools":
      return { kind: "pool", value: decodePool(key, text) };
    case "addresses":
      return { kind: "address", value: decodeAddress(key, text) };
    default:
      return undefined;
  }
}

/** What `decode` makes of a record; undefined for one that is not understood. */
export function tryDecode<T>(decode: (key: string, text: string) => T, key: string, text: string): T | undefined {
  try {
    return decode(key, text);
  } catch {
    return undefined;
  }
}

export function encodeHost(host: HostRecord): string {
  const { id, name, address, port, incarnation } = host;
  return JSON.stringify({ id, name, address: formatAddress(address), port, incarnation });
}

export function decodeHost(key: string, text: string): HostRecord {
  const record = read(key, text);
  const host = {
    id: record.field("id").text(),
    name: record.field("name").text(),
    address: record.field("address").address(),
    port: record.field("port").integer(),
    incarnation: record.field("incarnation").text(),
  };
  const { address, port } = host;
  demand(!isUnspecified(address) && !isMulticast(address), `${key}: no tunnel ends at ${formatAddress(address)}`);
  demand(port > 0 && port < 65_536, `${key}: ${port} is no port`);
  return assertPlace(key, key === hostKey(host.id), host);
}

export function encodeNetwork(network: NetworkRecord): string {
  const { id, name, subnets, body, host, createdMs, pools, removing } = network;
  const written = subnets.map(({ subnet, vni }) => ({ subnet: formatPrefix(subnet), vni }));
  return JSON.stringify(present({ id, name, subnets: written, body, host, createdMs, pools, removing }));
}

export function decodeNetwork(key: string, text: string): NetworkRecord {
  const record = read(key, text);
  const network = present({
    id: record.field("id").text(),
    name: record.field("name").text(),
    subnets: record.field("subnets").list((item) => ({
      subnet: item.field("subnet").prefix(),
      vni: vniIn(key, item.field("vni").integer()),
    })),
    body: record.field("body").json(),
    host: record.field("host").text(),
    createdMs: record.field("createdMs").integer(),
    pools: record.field("pools").list((item) => item.text()),
    removing: record.field("removing").optional((item) => item.text()),
  });
  return assertPlace(key, key === networkKey(network.id), network);
}

function vniIn(key: string, vni: number): number {
  demand(vni > 0 && vni < 1 << 24, `${key}: ${vni} is no VXLAN network identifier`);
  return vni;
}

export function encodeEndpoint(endpoint: EndpointRecord): string {
  const { id, networkId, name, mac, addresses, dnsNames, host } = endpoint;
  const written = { addresses: addresses.map(formatPrefix), mac: mac && formatMac(mac) };
  return JSON.stringify(present({ id, networkId, name, ...written, dnsNames, host }));
}

export function decodeEndpoint(key: string, text: string): EndpointRecord {
  const record = read(key, text);
  const mac = record.field("mac").optional((item) => item.mac());
  if (mac !== undefined) demand(isStationMac(mac), `${key}: ${formatMac(mac)} is no interface's MAC address`);
  const endpoint = present({
    id: record.field("id").text(),
    networkId: record.field("networkId").text(),
    name: record.field("name").text(),
    mac,
    addresses: record.field("addresses").list((item) => item.prefix()),
    dnsNames: record.field("dnsNames").list((item) => item.text()),
    host: record.field("host").text(),
  });
  return assertPlace(key, key === endpointKey(endpoint.networkId, endpoint.name), endpoint);
}

export function encodePool({ subnet, range, token, host, incarnation }: PoolRecord): string {
  const written = { subnet: formatPrefix(subnet), range: range === undefined ? undefined : formatPrefix(range) };
  return JSON.stringify(present({ ...written, token, host, incarnation }));
}

export function decodePool(key: string, text: string): PoolRecord {
  const record = read(key, text);
  const pool = present({
    subnet: record.field("subnet").prefix(),
    range: record.field("range").optional((item) => item.prefix()),
    token: record.field("token").text(),
    host: record.field("host").text(),
    incarnation: record.field("incarnation").text(),
  });
  const { subnet, range = subnet } = pool;
  demand(prefixSpans(subnet, range), `${key}: the range ${formatPrefix(range)} is not inside the subnet`);
  return assertPlace(key, key === poolKey(pool.subnet), pool);
}

/** Pool and address are in the key. */
export function encodeAddress(record: Pick<AddressRecord, "host" | "holder">): string {
  return JSON.stringify(present({ host: record.host, holder: record.holder }));
}

export function decodeAddress(key: string, text: string): AddressRecord {
  const record = read(key, text);
  const [, , token = "", written = ""] = key.split("/");
  const address = tryParseAddress(written);
  if (address === undefined) throw new RecordError(`${key}: names no address`);
  const host = record.field("host").text();
  return present({ token, address, host, holder: record.field("holder").optional((item) => item.text()) });
}

function read(key: string, text: string): RecordReader {
  const value: Json = JSON.parse(text);
  return new RecordReader(value, key);
}

/** A record copied to another key would have us follow a lie. */
function assertPlace<T>(key: string, isThere: boolean, value: T): T {
  demand(isThere, `${key}: holds a record of another key`);
  return value;
}

function demand(holds: boolean, otherwise: string): void {
  if (!holds) throw new RecordError(otherwise);
}
