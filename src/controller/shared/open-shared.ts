/** What it takes to share networks with other hosts: the store's client, the cluster over it, and the overlay driver. */
import type { Log } from "../../base/log.ts";
import type { Cluster } from "../../cluster/cluster.ts";
import { CountedStore } from "../../cluster/counted-store.ts";
import { openClusterStore } from "../../cluster/open-cluster-store.ts";
import { openCluster } from "../../cluster/open-cluster.ts";
import { DEFAULT_TIMES, DEFAULT_VXLAN_PORT } from "../../cluster/options.ts";
import type { Driver } from "../../drivers/driver.ts";
import { createOverlayDriver } from "../../drivers/overlay/overlay-driver.ts";
import { DEFAULT_GLOBAL_POOLS } from "../../ipam/default-pools.ts";
import { present } from "../../store/record-reader.ts";
import type { Store } from "../../store/store.ts";
import type { ClusterSettings } from "./cluster-settings.ts";
import { namespaceDirectory } from "../desired.ts";
import type { ControllerOptions } from "../options.ts";
import { underlayMtu } from "./underlay-mtu.ts";
import type { Meter } from "../meter.ts";

interface SharedParts {
  readonly cache: Store;
  readonly log: Log;
  readonly meter: Meter | undefined;
  readonly closing: AsyncDisposableStack;
}

/**
 * Joins the cluster. A store that does not answer is no error: what was shared last is known from `cache`, and this host
 * joins when it can. Throws `conflict` when another host has this one's name or address, or the cluster other settings.
 * Closed by `closing`.
 */
export async function openShared(
  settings: ClusterSettings,
  { cache, log, meter, closing }: SharedParts,
): Promise<Cluster> {
  const opened = await openClusterStore(settings.store, present({ tls: settings.tls, log }));
  const store = closing.use(new CountedStore(opened, (operation, outcome) => meter?.asked(operation, outcome)));
  return closing.use(
    await openCluster({
      store,
      cache,
      host: { name: settings.hostName, address: settings.address, port: settings.port },
      options: {
        ...DEFAULT_TIMES,
        ttlMs: settings.ttlMs,
        graceMs: settings.graceMs,
        defaultPools: DEFAULT_GLOBAL_POOLS,
        vxlanPort: DEFAULT_VXLAN_PORT,
      },
      log,
    }),
  );
}

/** Of networks that the hosts of the cluster share. */
export async function sharedDrivers(
  cluster: Cluster | undefined,
  { kernel, log, runDirectory }: Pick<ControllerOptions, "kernel" | "log" | "runDirectory">,
): Promise<readonly Driver[]> {
  if (cluster === undefined) return [];
  const { address } = cluster.self;
  const mtu = await underlayMtu(kernel, address, log);
  const namespaces = namespaceDirectory(runDirectory);
  return [createOverlayDriver(present({ namespaceDirectory: namespaces, advertise: address, mtu }))];
}
