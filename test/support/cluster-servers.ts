/**
 * Real etcd, Consul and ZooKeeper for tests of what hosts share. Each is quick to start, quiet, keeps its data over a restart,
 * and is gone with its directory once disposed. Where a program is missing, the tests that need it are skipped with the reason.
 */
import { startConsul } from "./consul-server.ts";
import { startEtcd } from "./etcd-server.ts";
import { findProgram, type ServerPlace } from "./server-process.ts";
import { startZookeeper, ZOOKEEPER_JAR } from "./zookeeper-server.ts";
import { existsSync } from "node:fs";

export type StoreKind = "etcd" | "consul" | "zookeeper";
export const STORE_KINDS: readonly StoreKind[] = ["etcd", "consul", "zookeeper"];

/** A store on one server, or etcd on several members. */
export interface ClusterServers extends AsyncDisposable {
  /** As in a URL: `127.0.0.1:2379`, or several divided by commas. */
  readonly hosts: readonly string[];
  /** For `--cluster-store`, without a prefix: `etcd://127.0.0.1:2379`. */
  readonly url: string;
  /** In order, as a maintainer does; resolves once nothing listens. */
  stop(): Promise<void>;
  /** As a crash of all. */
  kill(): Promise<void>;
  /** Again on the same data and address; resolves once it serves. */
  start(): Promise<void>;
}

/** For a test's `skip`: false, or what is missing. */
export function missingStore(kind: StoreKind): string | false {
  if (kind !== "zookeeper") return findProgram(kind) === undefined ? `${kind} is not installed` : false;
  if (findProgram("java") === undefined) return "java, which ZooKeeper runs on, is not installed";
  return existsSync(ZOOKEEPER_JAR) ? false : "ZooKeeper is not installed";
}

/** One server of the kind; `startEtcd` makes more. */
export async function startStore(kind: StoreKind, place: ServerPlace = {}): Promise<ClusterServers> {
  switch (kind) {
    case "etcd":
      return startEtcd(place);
    case "consul":
      return startConsul(place);
    case "zookeeper":
      return startZookeeper(place);
  }
}
