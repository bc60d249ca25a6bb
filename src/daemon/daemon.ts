/**
 * The daemon put together, bottom up: pid file, kernel thread, controller, engine, API, listeners. Whatever fails on the way
 * takes down again what stands, newest first; so does the end.
 */
import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { createApiServer } from "../api/server.ts";
import type { ApiSettings } from "../api/api-context.ts";
import { formatPrefix } from "../addr/prefix.ts";
import { systemClock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { ClusterSettings } from "../controller/shared/cluster-settings.ts";
import { openController } from "../controller/open.ts";
import type { OpenedController } from "../controller/open.ts";
import { openEngine } from "../engine/open.ts";
import type { Engine } from "../engine/engine.ts";
import { openKernelThread } from "../kernel/thread.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { advertisedAddress } from "./cluster-advertise.ts";
import type { DaemonConfig } from "./config.ts";
import { claimNamespace } from "./namespace-claim.ts";
import { refuseIfInTheWay } from "./in-the-way.ts";
import { Listeners } from "./listen/listeners.ts";
import { Metrics } from "./metrics/metrics.ts";
import { MetricsServer } from "./metrics/metrics-server.ts";
import { addSources } from "./metrics/sources.ts";
import { packageVersion } from "./package-version.ts";
import { PidFile } from "./pid-file.ts";
import type { Reloadable } from "./reloadable.ts";

/** Serves when this resolves; disposing stops it. Logs "API listen on ..." for each address. */
export async function startDaemon(config: DaemonConfig, reloadable: Reloadable, log: Log): Promise<AsyncDisposable> {
  await using parts = new AsyncDisposableStack();
  if (config.pidFile !== undefined) parts.use(PidFile.create(config.pidFile));
  parts.use(claimNamespace());
  mkdirSync(config.dataRoot, { recursive: true, mode: 0o711 });
  mkdirSync(config.execRoot, { recursive: true, mode: 0o711 });
  const kernel = parts.use(await openKernelThread());
  await refuseIfInTheWay(kernel, config);
  const metrics = config.metrics === undefined ? undefined : new Metrics(log);
  const opened = parts.use(await openNetworks(config, { kernel, log, metrics }));
  const engine = parts.use(await openContainers(config, reloadable, opened, log));
  const settings = apiSettings(config, reloadable, opened);
  const api = parts.use(await createApiServer({ engine, log, clock: systemClock, settings }));
  if (config.metrics !== undefined && metrics !== undefined) {
    addSources(metrics, { opened, engine, version: packageVersion() });
    parts.use(await MetricsServer.open(config.metrics, metrics, log));
  }
  const listeners = parts.use(await Listeners.open((listener) => api.serve(listener), config));
  for (const where of listeners.addresses) log.info({}, `API listen on ${where}`);
  return parts.move();
}

interface NetworkParts {
  readonly kernel: Kernel;
  readonly log: Log;
  readonly metrics: Metrics | undefined;
}

async function openNetworks(config: DaemonConfig, { kernel, log, metrics }: NetworkParts): Promise<OpenedController> {
  const cluster = await clusterSettings(config, kernel);
  return openController({
    ...(cluster !== undefined && { cluster }),
    ...(metrics !== undefined && { meter: metrics }),
    dataRoot: config.dataRoot,
    runDirectory: config.execRoot,
    settings: config.network,
    ...(config.addressPools !== undefined && { defaultAddressPools: config.addressPools }),
    firewallBackend: config.firewallBackend,
    iptables: config.iptables,
    ip6tables: config.ip6tables,
    forwardWithoutDrop: config.forwardWithoutDrop,
    plugins: { callTimeoutMs: config.pluginTimeoutMs },
    log,
    clock: systemClock,
    kernel,
  });
}

async function clusterSettings({ cluster }: DaemonConfig, kernel: Kernel): Promise<ClusterSettings | undefined> {
  if (cluster === undefined) return undefined;
  const { advertise, ...settings } = cluster;
  const address = await advertisedAddress(kernel, advertise);
  return { ...settings, address, port: advertise.port, hostName: hostname() };
}

async function openContainers(
  config: DaemonConfig,
  reloadable: Reloadable,
  opened: OpenedController,
  log: Log,
): Promise<Engine> {
  return openEngine({
    ...(config.containerdAddress !== undefined && { containerdAddress: config.containerdAddress }),
    ...(config.cgroupParent !== undefined && { cgroupParent: config.cgroupParent }),
    dataRoot: config.dataRoot,
    execRoot: config.execRoot,
    controller: opened.controller,
    store: opened.store,
    events: opened.events,
    clock: systemClock,
    log,
    get liveRestore() {
      return reloadable.liveRestore;
    },
    shutdownTimeoutMs: config.shutdownTimeoutMs,
  });
}

/** What can be reloaded is read anew each time it is asked for. */
function apiSettings(config: DaemonConfig, reloadable: Reloadable, opened: OpenedController): ApiSettings {
  const pools = config.addressPools?.map(({ base, size }) => ({ base: formatPrefix(base), size }));
  return {
    serverVersion: packageVersion(),
    experimental: config.experimental,
    firewallBackend: opened.firewallBackend,
    ...(pools !== undefined && { defaultAddressPools: pools }),
    networkDrivers: [
      "bridge",
      "host",
      "ipvlan",
      "macvlan",
      "null",
      ...(opened.cluster === undefined ? [] : ["overlay"]),
    ],
    ...clusterPresence(config, opened),
    get labels() {
      return reloadable.labels;
    },
    get liveRestore() {
      return reloadable.liveRestore;
    },
    get debug() {
      return reloadable.debug;
    },
  };
}

function clusterPresence(config: DaemonConfig, { cluster }: OpenedController): Pick<ApiSettings, "cluster"> {
  if (config.cluster === undefined || cluster === undefined) return {};
  const { name, address, port } = cluster.self;
  return { cluster: { store: config.cluster.store, hostName: name, address, port, status: () => cluster.status() } };
}
