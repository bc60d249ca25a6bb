/** What a cluster is made of and how it behaves. */
import type { IpAddress } from "../addr/ip-address.ts";
import type { SplitPool } from "../addr/subnet-choice.ts";
import type { Log } from "../base/log.ts";
import type { Store } from "../store/store.ts";
import type { ClusterStore } from "./cluster-store.ts";

/** The parts stay the caller's: closing a cluster closes none of them. */
export interface ClusterParts {
  readonly store: ClusterStore;
  /** This host's own store: its id, and the local copy for a start while the cluster's is away. */
  readonly cache: Store;
  readonly host: { readonly name: string; readonly address: IpAddress; readonly port: number };
  readonly options: ClusterOptions;
  readonly log: Log;
  /** The system's unless a test holds time still. */
  readonly clock?: ClusterClock;
}

export interface ClusterOptions {
  /** How long this host may be silent before it counts as gone. */
  readonly ttlMs: number;
  /** How long what a host that is gone had stays its own. */
  readonly graceMs: number;
  /** How long an address that was given back rests. */
  readonly reuseDelayMs: number;
  /** Where subnets come from that nobody chose; every host must say the same. */
  readonly defaultPools: readonly SplitPool[];
  /** UDP port of the tunnels; every host must say the same. */
  readonly vxlanPort: number;
}

/** One minute, as dockerd's `discovery.ttl`, of silence; then five until the addresses are anybody's. */
export const DEFAULT_TIMES = { ttlMs: 60_000, graceMs: 300_000, reuseDelayMs: 30_000 } as const;

/** The port that IANA gave to VXLAN (RFC 7348), and Docker's. */
export const DEFAULT_VXLAN_PORT = 4789;

export interface ClusterClock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds that only run forward, whatever happens to the wall clock. */
  elapsedMs(): number;
}

export const systemClusterClock: ClusterClock = { now: () => Date.now(), elapsedMs: () => performance.now() };
