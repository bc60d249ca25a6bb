/**
 * What dockerd's networks are to us, across restarts: dockerd knows a network by an id of its own, on each host another, and
 * never says its name; the cluster knows it by its name. A binding is all that it takes to make the cluster's network again
 * when another host removed it while nobody was on it.
 */
import { formatAddress, type Family, type IpAddress } from "../../addr/ip-address.ts";
import { formatPrefix, type Prefix } from "../../addr/prefix.ts";
import { EngineError, messageOf } from "../../base/errors.ts";
import { KeyedMutex } from "../../base/keyed-mutex.ts";
import type { Log } from "../../base/log.ts";
import { present, RecordReader } from "../../store/record-reader.ts";
import type { DriverName } from "./options.ts";
import type { Json, Store } from "../../store/store.ts";

export interface Binding {
  /** dockerd's id of the network. */
  readonly networkId: string;
  readonly driver: DriverName;
  /** Ours of it: of an overlay network the cluster's. */
  readonly name: string;
  readonly pools: readonly BoundPool[];
  readonly internal: boolean;
  readonly options: Readonly<Record<string, string>>;
}

export interface BoundPool {
  readonly family: Family;
  readonly poolId: string;
  readonly subnet: Prefix;
  readonly gateway: IpAddress;
}

/** A pool that was leased for a network that dockerd has not made yet. */
export interface PendingPool extends BoundPool {
  /** Under which name it was asked for. */
  readonly name?: string;
}

const NETWORKS = "plugin-networks";
const PENDING = "plugin-pools";
/** Addresses that dockerd has of bound networks, by pool and address. */
const LEASES = "plugin-leases";

/** Networks of the cluster that this host has left, and that may have to go. */
const LEFT = "plugin-left";

export interface Lease {
  readonly poolId: string;
  readonly address: IpAddress;
}

export class Bindings {
  readonly #store: Store;
  readonly #byId: Map<string, Binding>;
  /** By network: held while what it is bound to is looked for, or made again. */
  readonly locks = new KeyedMutex();

  constructor(store: Store, log: Log) {
    this.#store = store;
    this.#byId = new Map();
    for (const { id, value } of store.list(NETWORKS)) {
      try {
        this.#byId.set(id, decode(id, value));
      } catch (cause) {
        log.error({ network: id, err: cause }, `stored record left out: ${messageOf(cause)}`);
      }
    }
  }

  get(networkId: string): Binding | undefined {
    return this.#byId.get(networkId);
  }

  /** Throws `not-found`. */
  demand(networkId: string): Binding {
    const binding = this.#byId.get(networkId);
    if (binding !== undefined) return binding;
    throw new EngineError("not-found", `network ${networkId} is not Causeway's; remove it and create it again`);
  }

  all(): readonly Binding[] {
    return [...this.#byId.values()];
  }

  ofPool(poolId: string): Binding | undefined {
    return [...this.#byId.values()].find(({ pools }) => pools.some((pool) => pool.poolId === poolId));
  }

  /** The network is made: its pools wait no longer. */
  put(binding: Binding): void {
    this.#store.commit([
      { put: NETWORKS, id: binding.networkId, value: encode(binding) },
      ...binding.pools.map(({ poolId }) => ({ remove: PENDING, id: poolId })),
    ]);
    this.#byId.set(binding.networkId, binding);
  }

  remove(networkId: string): void {
    this.#store.commit([{ remove: NETWORKS, id: networkId }]);
    this.#byId.delete(networkId);
  }

  putPending(pool: PendingPool): void {
    this.#store.commit([{ put: PENDING, id: pool.poolId, value: present({ ...encodePool(pool), name: pool.name }) }]);
  }

  removePending(poolId: string): void {
    this.#store.commit([{ remove: PENDING, id: poolId }]);
  }

  putLease(lease: Lease): void {
    const value = { poolId: lease.poolId, address: formatAddress(lease.address) };
    this.#store.commit([{ put: LEASES, id: leaseId(lease), value }]);
  }

  removeLease(lease: Lease): void {
    this.#store.commit([{ remove: LEASES, id: leaseId(lease) }]);
  }

  leases(): readonly Lease[] {
    return this.#store.list(LEASES).map(({ id, value }) => {
      const record = new RecordReader(value, `lease ${id}`);
      return { poolId: record.field("poolId").text(), address: record.field("address").address() };
    });
  }

  putLeft(networkId: string): void {
    this.#store.commit([{ put: LEFT, id: networkId, value: true }]);
  }

  removeLeft(networkId: string): void {
    this.#store.commit([{ remove: LEFT, id: networkId }]);
  }

  /** The cluster's ids. */
  left(): readonly string[] {
    return this.#store.list(LEFT).map(({ id }) => id);
  }

  pending(): readonly PendingPool[] {
    return this.#store.list(PENDING).map(({ id, value }) => {
      const record = new RecordReader(value, `pool ${id}`);
      return present({ ...decodePool(record), name: record.field("name").optional((name) => name.text()) });
    });
  }
}

function leaseId({ poolId, address }: Lease): string {
  return `${poolId} ${formatAddress(address)}`;
}

function encode({ networkId: _id, pools, ...rest }: Binding): Json {
  return { ...rest, pools: pools.map(encodePool) };
}

function encodePool({ family, poolId, subnet, gateway }: BoundPool) {
  return { family, poolId, subnet: formatPrefix(subnet), gateway: formatAddress(gateway) };
}

function decode(networkId: string, value: Json): Binding {
  const record = new RecordReader(value, `network ${networkId}`);
  return {
    networkId,
    driver: record.field("driver").oneOf(["bridge", "overlay"] as const),
    name: record.field("name").text(),
    pools: record.field("pools").list(decodePool),
    internal: record.field("internal").flag(),
    options: record.field("options").map((option) => option.text()),
  };
}

function decodePool(record: RecordReader): BoundPool {
  return {
    family: record.field("family").oneOf([4, 6] as const),
    poolId: record.field("poolId").text(),
    subnet: record.field("subnet").prefix(),
    gateway: record.field("gateway").address(),
  };
}
