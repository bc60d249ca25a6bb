/**
 * The part of the configuration that a running daemon can change (SIGHUP): read through getters by those who were given it,
 * so that a reload reaches them without anybody being told.
 */
import { isDeepStrictEqual } from "node:util";
import { messageOf } from "../base/errors.ts";
import type { Json } from "../store/store.ts";
import { resolveConfig } from "./config.ts";
import type { DaemonConfig } from "./config.ts";
import { mergeConfigFile } from "./flags/config-file.ts";
import type { DaemonLog } from "./logger.ts";

/** Another store has other networks, which running containers are not on; another address ends every tunnel to this host. */
const CLUSTER_STAYS =
  "--cluster-store, --cluster-store-opt and --cluster-advertise are as they were: changing them needs a restart of causewayd";

export class Reloadable {
  readonly #started: DaemonConfig;
  #config: DaemonConfig;

  constructor(config: DaemonConfig) {
    this.#started = config;
    this.#config = config;
  }

  get labels(): readonly string[] {
    return this.#config.labels;
  }

  get liveRestore(): boolean {
    return this.#config.liveRestore;
  }

  get debug(): boolean {
    return this.#config.log.level === "debug";
  }

  /** Reads the file again; whatever is wrong with it is logged and changes nothing. */
  reload(typed: ReadonlyMap<string, Json>, log: DaemonLog): void {
    try {
      this.#config = resolveConfig(mergeConfigFile(typed));
      log.setLevel(this.#config.log.level);
      if (!isDeepStrictEqual(this.#config.cluster, this.#started.cluster)) log.warn({}, CLUSTER_STAYS);
      const { labels, liveRestore } = this;
      log.info({ "log-level": this.#config.log.level, labels, "live-restore": liveRestore }, "Reloaded configuration");
    } catch (error) {
      log.error({ error: messageOf(error) }, "the configuration is not reloaded");
    }
  }
}
