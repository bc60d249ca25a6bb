/** Flags of networks that several hosts share, as dockerd 20.10 had them. */
import type { Flag } from "./flag.ts";

export const CLUSTER_FLAGS: readonly Flag[] = [
  {
    name: "cluster-store",
    kind: "string",
    support: "acts",
    help: "Store that hosts share their networks through (etcd://, consul:// or zk://HOST:PORT[,HOST:PORT...][/PREFIX])",
  },
  {
    name: "cluster-store-opt",
    key: "cluster-store-opts",
    kind: "map",
    support: "acts",
    help: "Options of the cluster store (kv.cacertfile, kv.certfile, kv.keyfile, discovery.heartbeat, discovery.ttl, discovery.grace)",
  },
  {
    name: "cluster-advertise",
    kind: "string",
    support: "acts",
    help: "Address and port, or interface and port, under which other hosts reach this one",
  },
];
