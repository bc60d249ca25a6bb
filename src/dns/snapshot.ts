/**
 * What the resolver knows: networks, endpoints and sandboxes, indexed for look-up. Changed by differences, all of one call
 * between two answers; one change costs the same however many records there are. Names are kept lower-case (RFC 4343).
 */
import { addressBytes, type IpAddress } from "../addr/ip-address.ts";
import type { DnsChange, DnsEndpoint, DnsNetwork, DnsSandbox, DnsUpstream } from "./dns.ts";

/** Docker asks no more servers than this. */
const MAX_UPSTREAMS = 3;

/** Who answers to one name on one network. */
export class NameRecord {
  readonly endpoints = new Set<DnsEndpoint>();
  #v4: readonly Uint8Array[] | undefined;
  #v6: readonly Uint8Array[] | undefined;

  /** Record data of the A records, each address once. */
  get v4(): readonly Uint8Array[] {
    return (this.#v4 ??= this.#collect(4));
  }

  /** Record data of the AAAA records, each address once. */
  get v6(): readonly Uint8Array[] {
    return (this.#v6 ??= this.#collect(6));
  }

  /** To be called after `endpoints` changed. */
  changed(): void {
    this.#v4 = undefined;
    this.#v6 = undefined;
  }

  #collect(family: 4 | 6): readonly Uint8Array[] {
    const byKey = new Map<bigint, Uint8Array>();
    for (const endpoint of this.endpoints) {
      for (const address of endpoint.addresses) {
        if (address.family === family) byKey.set(address.value, addressBytes(address));
      }
    }
    return [...byKey.values()];
  }
}

/** One network's records. They may come before the network's name does. */
export class NetworkRecords {
  /** Undefined until the network itself is put. */
  network: DnsNetwork | undefined;
  readonly names = new Map<string, NameRecord>();
  /** By `addressKey`; on a conflict the latest. */
  readonly addresses = new Map<string, DnsEndpoint>();
  count = 0;

  /** Lower-case. */
  get name(): string | undefined {
    return this.network?.name.toLowerCase();
  }
}

/** A sandbox as look-ups want it. */
export interface SandboxView {
  readonly id: string;
  readonly networkIds: readonly string[];
  /** Per network id: alias to endpoint name, both lower-case. */
  readonly aliases: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Those that may be asked now, in order. */
  readonly upstreams: readonly DnsUpstream[];
  readonly ndotsSet: boolean;
}

export function addressKey(address: IpAddress): string {
  return `${address.family}/${address.value}`;
}

export class Snapshot {
  readonly #networks = new Map<string, NetworkRecords>();
  readonly #endpoints = new Map<string, DnsEndpoint>();
  readonly #sandboxes = new Map<string, SandboxView>();
  /** Endpoints whose address an upstream has named the same: their PTR is the upstream's to answer. */
  readonly #deferred = new Set<string>();

  network(id: string): NetworkRecords | undefined {
    return this.#networks.get(id);
  }

  sandbox(id: string): SandboxView | undefined {
    return this.#sandboxes.get(id);
  }

  /** Carries out the changes in order. Putting what is there replaces it; removing accepts absence. */
  apply(changes: readonly DnsChange[]): void {
    for (const change of changes) this.#applyOne(change);
  }

  /** From now on the PTR of this endpoint's addresses is not ours; forgotten when the endpoint changes. */
  deferReverse(endpointId: string): void {
    if (this.#endpoints.has(endpointId)) this.#deferred.add(endpointId);
  }

  reverseDeferred(endpointId: string): boolean {
    return this.#deferred.has(endpointId);
  }

  #applyOne(change: DnsChange): void {
    if ("put" in change) {
      if (change.put === "network") this.#records(change.network.id).network = change.network;
      else if (change.put === "endpoint") this.#putEndpoint(change.endpoint);
      else this.#sandboxes.set(change.sandbox.id, viewOf(change.sandbox));
    } else if (change.remove === "network") this.#removeNetwork(change.id);
    else if (change.remove === "endpoint") this.#removeEndpoint(change.id);
    else this.#sandboxes.delete(change.id);
  }

  #records(networkId: string): NetworkRecords {
    let records = this.#networks.get(networkId);
    if (records === undefined) this.#networks.set(networkId, (records = new NetworkRecords()));
    return records;
  }

  #putEndpoint(endpoint: DnsEndpoint): void {
    this.#removeEndpoint(endpoint.id);
    const records = this.#records(endpoint.networkId);
    this.#endpoints.set(endpoint.id, endpoint);
    records.count++;
    for (const name of endpoint.names) {
      const key = name.toLowerCase();
      let record = records.names.get(key);
      if (record === undefined) records.names.set(key, (record = new NameRecord()));
      record.endpoints.add(endpoint);
      record.changed();
    }
    for (const address of endpoint.addresses) records.addresses.set(addressKey(address), endpoint);
  }

  #removeEndpoint(id: string): void {
    const endpoint = this.#endpoints.get(id);
    const records = endpoint && this.#networks.get(endpoint.networkId);
    this.#endpoints.delete(id);
    this.#deferred.delete(id);
    if (endpoint === undefined || records === undefined) return;
    records.count--;
    for (const name of endpoint.names) {
      const record = records.names.get(name.toLowerCase());
      record?.endpoints.delete(endpoint);
      record?.changed();
      if (record?.endpoints.size === 0) records.names.delete(name.toLowerCase());
    }
    for (const address of endpoint.addresses) {
      if (records.addresses.get(addressKey(address)) === endpoint) records.addresses.delete(addressKey(address));
    }
    this.#forgetIfEmpty(endpoint.networkId, records);
  }

  #removeNetwork(id: string): void {
    const records = this.#networks.get(id);
    if (records === undefined) return;
    records.network = undefined;
    this.#forgetIfEmpty(id, records);
  }

  #forgetIfEmpty(id: string, records: NetworkRecords): void {
    if (records.network === undefined && records.count === 0) this.#networks.delete(id);
  }
}

function viewOf(sandbox: DnsSandbox): SandboxView {
  const aliases = Object.entries(sandbox.privateAliases).map(
    ([networkId, names]) =>
      [
        networkId,
        new Map(Object.entries(names).map(([alias, name]) => [alias.toLowerCase(), name.toLowerCase()] as const)),
      ] as const,
  );
  const reachable = sandbox.upstreams.filter((upstream) => sandbox.external || upstream.from === "sandbox");
  return {
    id: sandbox.id,
    networkIds: sandbox.networkIds,
    aliases: new Map(aliases),
    upstreams: reachable.slice(0, MAX_UPSTREAMS),
    ndotsSet: sandbox.ndotsSet,
  };
}
