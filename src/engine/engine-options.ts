/**
 * What an engine is opened with. Paths are absolute and belong to this engine alone; the controller, store, event bus and
 * log are the caller's and outlive the engine: `openEngine` never closes them.
 */
import type { Clock } from "../base/clock.ts";
import type { EventBus } from "../base/event-bus.ts";
import type { Log } from "../base/log.ts";
import type { NetworkController } from "../controller/cnm.ts";
import type { Store } from "../store/store.ts";

export interface EngineOptions {
  /** Socket of a containerd to use. Absent: the running one at /run/containerd/containerd.sock if it lives in our namespaces, else a child of ours. */
  readonly containerdAddress?: string;
  /** Start a containerd of our own even where one runs: what tests in private namespaces want. */
  readonly ownContainerd?: boolean;
  /** Lasting files: images, container directories, logs, volumes. */
  readonly dataRoot: string;
  /** Files of this boot: sockets, fifos, the state of our containerd. */
  readonly execRoot: string;
  readonly controller: NetworkController;
  readonly store: Store;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly log: Log;
  /** Containers outlive the engine, and are adopted by the next one. */
  readonly liveRestore: boolean;
  /** Cgroup under which every container gets one of its own; default `/causeway`. */
  readonly cgroupParent?: string;
  /** Snapshotter; default overlayfs, or native where the kernel has no overlay. */
  readonly snapshotter?: string;
  /** How long `close` lets containers end by themselves before it kills them. Default 15 s, as dockerd. */
  readonly shutdownTimeoutMs?: number;
}
