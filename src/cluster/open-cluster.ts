/** Puts the parts of a cluster together: the local copy, this host's membership and own records, and what changes them. */
import { AddressLeases, poolNotFound } from "./address-leases.ts";
import { AddressPools } from "./address-pools.ts";
import { Changes, sharedNetwork } from "./changes.ts";
import type { ClusterRecord } from "./cluster-store.ts";
import type { Cluster, ClusterAddresses, ClusterHost, ClusterStatus, NewSharedNetwork } from "./cluster.ts";
import type { OwnEndpoint, SharedEndpoint, SharedNetwork } from "./cluster.ts";
import { evictEndpoint } from "./eviction.ts";
import { hostKey } from "./keys.ts";
import { Lingering } from "./lingering.ts";
import { LocalCopy, type Kept } from "./local-copy.ts";
import { Membership, type MembershipParts } from "./membership.ts";
import { systemClusterClock, type ClusterParts } from "./options.ts";
import { OwnEndpoints } from "./own-endpoints.ts";
import { OwnRecords } from "./own-records.ts";
import { Reaper } from "./reaping.ts";
import type { HostRecord } from "./records.ts";
import { Remembered, settleIdentity, takeIdentity } from "./remembered.ts";
import { restoreOwn } from "./restoring.ts";
import { SharedNetworks } from "./shared-networks.ts";
import { plainHost, ShownEndpoints } from "./shown-endpoints.ts";
import { Upkeep } from "./upkeep.ts";
import { ClusterWriter } from "./writer.ts";

/**
 * Joins the cluster. Where its store is away, what this host remembers is shown and the host joins later. Throws `conflict` when
 * another host has our name, address or id, or the cluster was set up with other options.
 */
export async function openCluster(parts: ClusterParts): Promise<Cluster> {
  const cluster = new StoredCluster(parts);
  try {
    await cluster.start();
  } catch (cause) {
    await cluster[Symbol.asyncDispose]();
    throw cause;
  }
  return cluster;
}

class StoredCluster implements Cluster {
  readonly self: ClusterHost;
  readonly addresses: ClusterAddresses;
  readonly #record: HostRecord;
  readonly #copy: LocalCopy;
  readonly #changes: Changes;
  readonly #lingering: Lingering;
  readonly #shown = new ShownEndpoints();
  readonly #remembered: Remembered;
  readonly #own: OwnRecords;
  readonly #writer: ClusterWriter;
  readonly #endpoints: OwnEndpoints;
  readonly #networks: SharedNetworks;
  readonly #membership: Membership;
  readonly #upkeep: Upkeep;

  constructor(parts: ClusterParts) {
    const { store, cache, host, options, log, clock = systemClusterClock } = parts;
    const identity = takeIdentity(cache);
    this.self = { id: identity.id, ...host };
    this.#record = { ...this.self, incarnation: identity.incarnation };
    const elapsedMs = (): number => clock.elapsedMs();
    this.#copy = new LocalCopy(log, elapsedMs);
    this.#remembered = new Remembered(cache, log);
    this.#copy.replace(this.#remembered.loadCopy());
    this.#changes = new Changes(this.#copy, log);
    this.#lingering = new Lingering({
      copy: this.#copy,
      ttlMs: options.ttlMs,
      isAway: () => this.status().state === "away",
      onGone: (networkId) => this.#changes.noteEndpointsOf(networkId),
    });
    this.#own = new OwnRecords(identity.id, this.#copy, this.#remembered, elapsedMs);
    this.#membership = new Membership({
      store,
      self: this.#record,
      former: identity.former,
      options,
      clock,
      log,
      follower: this.#follower(),
      onStatus: () => {
        this.#lingering.noteStatus();
        this.#changes.noteStatus();
      },
      onJoined: () => {
        settleIdentity(cache, identity);
        this.#upkeep.soon();
      },
    });
    const shared = { copy: this.#copy, own: this.#own, self: identity.id, elapsedMs };
    const writer = (this.#writer = new ClusterWriter({
      store,
      membership: this.#membership,
      copy: this.#copy,
      self: identity.id,
    }));
    const onChange = (networkId: string): void => this.#changes.noteEndpointsOf(networkId);
    this.#endpoints = new OwnEndpoints({ ...shared, writer, onChange });
    this.#networks = new SharedNetworks({ ...shared, writer, self: this.#record, now: () => clock.now() });
    const pools = new AddressPools({ ...shared, writer, self: this.#record, defaults: options.defaultPools });
    const leases = new AddressLeases({ ...shared, writer, reuseDelayMs: options.reuseDelayMs });
    this.addresses = clusterAddresses(pools, leases);
    const reaper = new Reaper({ ...shared, writer, pools, self: this.#record, options, log });
    this.#upkeep = new Upkeep({
      reaper,
      restore: () => restoreOwn({ ...shared, writer, endpoints: this.#endpoints, log }),
      isConnected: () => this.status().state === "connected",
      everyMs: Math.min(1_000, Math.max(20, options.graceMs / 4)),
      log,
    });
    this.#copy.listen((key, _before, after) => this.#watchOwn(key, after));
  }

  async start(): Promise<void> {
    this.#own.dropUnused([...this.#endpoints]);
    await this.#membership.start();
    this.#upkeep.start();
  }

  status(): ClusterStatus {
    return this.#membership.status();
  }

  hosts(): readonly ClusterHost[] {
    const others = this.#copy.hosts().filter(({ id }) => id !== this.self.id);
    return [this.self, ...others.map(plainHost)];
  }

  networks(): readonly SharedNetwork[] {
    return [...this.#copy.networks()]
      .sort((a, b) => a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1))
      .map(sharedNetwork);
  }

  endpoints(networkId: string): readonly SharedEndpoint[] {
    const ours = this.#endpoints.on(networkId).map((endpoint) => ({ ...endpoint, host: this.self }));
    const theirs = this.#copy.endpoints(networkId).flatMap((endpoint) => {
      // Ours is what we say it is, also where somebody copied its record to another name or host.
      if (endpoint.host === this.self.id || this.#endpoints.has(endpoint.id)) return [];
      const host = this.#copy.host(endpoint.host) ?? this.#lingering.host(endpoint.host);
      return host === undefined ? [] : [this.#shown.show(endpoint, host)];
    });
    return [...ours, ...theirs];
  }

  subscribe(listener: Parameters<Cluster["subscribe"]>[0]): () => void {
    return this.#changes.subscribe(listener);
  }

  async createNetwork(network: NewSharedNetwork): Promise<SharedNetwork> {
    return this.#networks.create(network);
  }

  async removeNetwork(id: string): Promise<void> {
    await this.#networks.remove(id);
  }

  async putEndpoint(endpoint: OwnEndpoint): Promise<void> {
    await this.#endpoints.put(endpoint);
  }

  async removeEndpoint(networkId: string, id: string): Promise<void> {
    await this.#endpoints.remove(networkId, id);
  }

  async evictEndpoint(networkId: string, name: string): Promise<void> {
    await evictEndpoint({ copy: this.#copy, writer: this.#writer, self: this.self.id }, networkId, name);
  }

  /** A host that leaves endpoints behind is about to come back (its containers run on): its keys wait for that. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#changes.close();
    this.#lingering.close();
    await this.#upkeep.close();
    await this.#membership.close(this.#endpoints.size > 0);
    this.#remembered.flush();
  }

  #follower(): MembershipParts["follower"] {
    return {
      replace: (records) => this.#replace(records),
      change: (puts, removes) => this.#change(puts, removes),
      back: () => this.#upkeep.beganAnew(),
    };
  }

  #replace(records: readonly ClusterRecord[]): void {
    this.#copy.replace(records);
    const there = new Set(records.map(({ key }) => key));
    for (const key of this.#remembered.copied()) if (!there.has(key)) this.#remembered.keepCopy(key, undefined);
    for (const record of records) this.#remember(record);
    this.#own.settleAll();
    this.#upkeep.beganAnew();
  }

  #change(puts: readonly ClusterRecord[], removes: readonly string[]): void {
    for (const record of puts) {
      this.#copy.put(record);
      this.#remember(record);
    }
    for (const key of removes) {
      this.#copy.remove(key);
      this.#remembered.keepCopy(key, undefined);
    }
  }

  /** As it is in the store, understood or not; others' addresses are not. */
  #remember(record: ClusterRecord): void {
    const kept = this.#copy.get(record.key);
    if (kept === undefined || kept.spoilt || kept.version !== record.version) return;
    if (kept.kind === "address" && (kept.value.host !== this.self.id || kept.value.holder === undefined)) {
      this.#remembered.keepCopy(record.key, undefined);
    } else this.#remembered.keepCopy(record.key, record);
  }

  #watchOwn(key: string, after: Kept | undefined): void {
    this.#own.saw(key, after);
    if (key === hostKey(this.self.id)) {
      const isOurs = after?.kind === "host" && !after.spoilt && after.value.incarnation === this.#record.incarnation;
      if (!isOurs) this.#membership.doubt("somebody else wrote this host's key");
    }
    if (this.#own.get(key) !== undefined || (after !== undefined && after.spoilt === true)) this.#upkeep.soon();
    else if (after?.kind === "endpoint" && after.value.host === this.self.id) this.#upkeep.soon();
    else if (after?.kind === "address" && after.value.host === this.self.id) this.#upkeep.soon();
  }
}

function clusterAddresses(pools: AddressPools, leases: AddressLeases): ClusterAddresses {
  return {
    knowsPool: (id) => pools.find(id) !== undefined,
    requestPool: async (request) => pools.request(request),
    releasePool: async (id) => pools.release(id),
    requestAddress: async (poolId, request) => {
      const pool = pools.find(poolId);
      if (pool === undefined) throw poolNotFound(poolId);
      return leases.request(pool, request);
    },
    releaseAddress: async (poolId, address) => {
      const pool = pools.find(poolId);
      if (pool !== undefined) await leases.release(pool, address);
    },
  };
}
