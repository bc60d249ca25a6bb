/** What every route is given: the engine below and how the daemon presents itself. Owned by whoever made the server. */
import type { IpAddress } from "../addr/ip-address.ts";
import type { Engine } from "../engine/engine.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/clock.ts";
import type { ClusterStatus } from "../cluster/cluster.ts";

/** How the daemon presents itself in `docker version` and `docker info`; everything has a sensible default. */
export interface ApiSettings {
  /** Our version, `0.1.0`; shown as the engine's. */
  readonly serverVersion: string;
  readonly gitCommit?: string;
  /** RFC 3339. */
  readonly buildTime?: string;
  /** Of the host; default: the kernel's. */
  readonly hostname?: string;
  /** Daemon labels, `key=value`. */
  readonly labels?: readonly string[];
  readonly debug?: boolean;
  readonly experimental?: boolean;
  readonly liveRestore?: boolean;
  /** Network drivers that can be asked for; default bridge, host, null. */
  readonly networkDrivers?: readonly string[];
  /** "iptables", "nftables", ... */
  readonly firewallBackend?: string;
  readonly defaultAddressPools?: readonly { readonly base: string; readonly size: number }[];
  /** What this host shares with others; absent: nothing. */
  readonly cluster?: ClusterPresence;
  /** Shown at the end of `docker info`. */
  readonly warnings?: readonly string[];
  /** Largest JSON body in bytes; default 1 MiB. Streams (image import) have no limit. */
  readonly bodyLimit?: number;
  /** Milliseconds that a client may take to send a request's headers; default 30 s. */
  readonly headersTimeoutMs?: number;
  /** Milliseconds that a client may take to send a JSON body; default 60 s. */
  readonly bodyTimeoutMs?: number;
}

/** This host's place among those that share networks. */
export interface ClusterPresence {
  /** Without secrets: "etcd://10.0.0.1:2379/prefix". */
  readonly store: string;
  /** Unique among the living hosts. */
  readonly hostName: string;
  /** Where the others reach this host. */
  readonly address: IpAddress;
  readonly port: number;
  status(): ClusterStatus;
}

export interface ApiContext {
  readonly engine: Engine;
  readonly log: Log;
  readonly clock: Clock;
  readonly settings: ApiSettings;
}
