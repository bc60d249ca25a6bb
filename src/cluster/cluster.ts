/**
 * What hosts share: who they are, the networks and endpoints they have in common, and which addresses are taken. Each host
 * keeps a whole local copy, kept up to date by following the store and remembered over restarts, so that no question asked
 * here costs a request; only changes do, each one compare-and-swap transaction (`cluster-store.ts`).
 *
 * Records are owned: an endpoint and its addresses belong to the host that runs it. A host is alive while its session is.
 * When that ends its endpoints are no longer shown, and after `graceMs` anyone of the living takes its addresses back; until
 * then the host that returns finds all of its own as it left it. Ages are measured with this host's monotonic clock from when it saw the
 * change, so that no clock has to agree with another.
 *
 * Changes throw EngineError: `unavailable` when the store is away (nothing was changed, or it will be found changed),
 * `conflict` and `forbidden` with Docker's sentences. A record that cannot be understood is logged once with its key, and
 * left alone; the last understood state of it stays.
 */
import type { Family, IpAddress } from "../addr/ip-address.ts";
import type { MacAddress } from "../addr/mac-address.ts";
import type { Prefix } from "../addr/prefix.ts";
import type { Json } from "../store/store.ts";

export interface Cluster extends AsyncDisposable {
  readonly self: ClusterHost;

  status(): ClusterStatus;

  /** Those alive, ourselves included. */
  hosts(): readonly ClusterHost[];

  /** All shared networks, oldest first. */
  networks(): readonly SharedNetwork[];

  /** Endpoints of living hosts on the network, ours included. */
  endpoints(networkId: string): readonly SharedEndpoint[];

  /**
   * Told after the local copy changed, once per batch; never while a caller's change is being made. Until unsubscribed.
   */
  subscribe(listener: (change: ClusterChange) => void): () => void;

  /** Throws `conflict` "network with name X already exists". Draws a free VXLAN id for each subnet that names none. */
  createNetwork(network: NewSharedNetwork): Promise<SharedNetwork>;

  /**
   * Throws `forbidden` "network X has active endpoints (...)" while any host, living or within its grace, has an endpoint on it.
   * Accepts absence. Its VXLAN ids are free again.
   */
  removeNetwork(id: string): Promise<void>;

  /**
   * Writes an endpoint of ours, new or changed. Throws `forbidden` "endpoint with name X already exists in network N" when
   * another endpoint of the network has the name, `not-found` when there is no such network any more.
   */
  putEndpoint(endpoint: OwnEndpoint): Promise<void>;

  /** Accepts absence, and that the store is away: it goes from there when that returns. */
  removeEndpoint(networkId: string, id: string): Promise<void>;

  /**
   * Takes the endpoint of a host that is gone off the network, by its name, with its addresses. Throws `not-found`, and `conflict`
   * when its host is alive.
   */
  evictEndpoint(networkId: string, name: string): Promise<void>;

  readonly addresses: ClusterAddresses;
}

/** Address pools of the whole cluster. */
export interface ClusterAddresses {
  /** Whether there is such a pool, from the local copy. */
  knowsPool(id: string): boolean;

  /**
   * Takes a subnet for all hosts; without one the next free of the cluster's default pools (10.0.0.0/8 in /24s) that meets none of `reserved`.
   * Throws `forbidden` "invalid pool request: Pool overlaps with other one on this address space", `invalid-argument` "all
   * predefined address pools have been fully subnetted".
   */
  requestPool(request: {
    readonly family: Family;
    readonly subnet?: Prefix;
    readonly range?: Prefix;
    readonly reserved: readonly Prefix[];
  }): Promise<{ readonly id: string; readonly subnet: Prefix }>;

  /** With everything leased from it. Accepts absence. */
  releasePool(id: string): Promise<void>;

  /**
   * Leases an address for this host: the one asked for, else the next after the last one this host gave out (in steps, so that
   * hosts do not all try the same) that is free and was not given back within the last `reuseDelayMs` (those come last, oldest
   * first); for the holder "gateway" the lowest. Undefined when all are taken. Throws `forbidden` "Address already in use", `unavailable`
   * when it cannot be known that nobody has it. Asking again for one that this host holds under the same `holder` succeeds
   * without a request; with `again` under any, also for one of the network's own.
   */
  requestAddress(
    poolId: string,
    request: { readonly address?: IpAddress; readonly holder: string; readonly again?: boolean },
  ): Promise<IpAddress | undefined>;

  /**
   * Only what this host holds, or what belongs to the network itself (`holder` "gateway" or "auxiliary"). Accepts absence, and
   * that the store is away: it is given back when that returns.
   */
  releaseAddress(poolId: string, address: IpAddress): Promise<void>;
}

export interface ClusterHost {
  /** Drawn once per data root. */
  readonly id: string;
  /** The machine's name; unique among the living. */
  readonly name: string;
  /** `--cluster-advertise`: where tunnels to it end; unique among the living. */
  readonly address: IpAddress;
  readonly port: number;
}

export type ClusterStatus =
  | { readonly state: "connected" }
  /** Changes are refused; traffic is not touched. */
  | {
      readonly state: "away";
      readonly reason: string;
      /** Milliseconds since the Unix epoch. */
      readonly sinceMs: number;
    };

export interface NewSharedNetwork {
  readonly id: string;
  readonly name: string;
  readonly subnets: readonly { readonly subnet: Prefix; readonly vni?: number }[];
  /** The rest of the network's intent, which is the controller's to read and write. */
  readonly body: Json;
}

export interface SharedNetwork extends NewSharedNetwork {
  /** Each with its VXLAN network identifier, 24 bits. */
  readonly subnets: readonly { readonly subnet: Prefix; readonly vni: number }[];
}

export interface OwnEndpoint {
  readonly id: string;
  readonly networkId: string;
  readonly name: string;
  /** Absent where a plugin made the interface and did not say. */
  readonly mac?: MacAddress;
  /** With the subnet's length. */
  readonly addresses: readonly Prefix[];
  /** Names for DNS, the main one first. */
  readonly dnsNames: readonly string[];
}

export interface SharedEndpoint extends OwnEndpoint {
  /** Who runs it. */
  readonly host: ClusterHost;
}

export interface ClusterChange {
  readonly networks: { readonly put: readonly SharedNetwork[]; readonly removed: readonly string[] };
  /** Networks of which endpoints came, changed or went, also by hosts coming and going. */
  readonly endpointsOf: ReadonlySet<string>;
  readonly hosts: boolean;
  readonly status: boolean;
}
