/** The parts of one open engine, handed to each module that needs several of them. Made once by `openEngine`. */
import type { KeyedMutex } from "../base/keyed-mutex.ts";
import type { Containerd } from "./containerd/supervise.ts";
import type { ContainerRegistry } from "./containers/container-registry.ts";
import type { EngineOptions } from "./engine-options.ts";
import type { ImageStore } from "./images/image-store.ts";
import type { CgroupFacts } from "./oci/resources.ts";

export interface EngineContext {
  readonly options: EngineOptions;
  readonly containerd: Containerd;
  readonly snapshotter: string;
  readonly images: ImageStore;
  readonly registry: ContainerRegistry;
  readonly cgroups: CgroupFacts;
  /** Absolute within the cgroup hierarchies, `/causeway`. */
  readonly cgroupParent: string;
  /** By container id: one start, exit, removal or reconfiguration at a time. */
  readonly locks: KeyedMutex;
  /** Aborted when the engine begins to close: nothing is started any more. */
  readonly stopping: AbortSignal;
  /** Aborted when the containers are down or left alone: watchers end. */
  readonly closing: AbortSignal;
  /** Host directory of a named volume; made if missing. */
  readonly volumePath: (name: string) => string;
}
