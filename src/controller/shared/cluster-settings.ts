/**
 * What it takes to share networks with other hosts, as values: `--cluster-store`, `--cluster-store-opt` and
 * `--cluster-advertise` once they have been checked. `open.ts` opens the store and the cluster from it.
 */
import type { IpAddress } from "../../addr/ip-address.ts";

export interface ClusterSettings {
  /** "etcd://10.0.0.1:2379,10.0.0.2:2379/prefix". */
  readonly store: string;
  /** Absent: plain text. */
  readonly tls?: ClusterTls;
  /** `discovery.ttl`: how long after its last word this host counts as gone. It says three times in that time that it is there. */
  readonly ttlMs: number;
  /** `discovery.grace`: how long what a host had stays its own after it counts as gone. */
  readonly graceMs: number;
  /** `--cluster-advertise`: an address of this host under which the others reach it. */
  readonly address: IpAddress;
  readonly port: number;
  /** The machine's name: the one of the UTS namespace that the daemon runs in. */
  readonly hostName: string;
}

/** PEM files, by absolute path. */
export interface ClusterTls {
  /** Of whoever signed the store's certificate. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}
