/** The host and engine as `docker info` and `docker version` show them (Docker API v1.51, `system.Info`, `types.Version`). */
import { availableParallelism, hostname, machine, release, totalmem } from "node:os";
import { formatAddress } from "../../addr/ip-address.ts";
import { formatTimeNs } from "../../base/clock.ts";
import type { EngineInfo } from "../../engine/engine.ts";
import type { ApiContext, ApiSettings } from "../api-context.ts";
import { NEWEST_VERSION, OLDEST_VERSION } from "../api-version.ts";
import { goArchitecture, hostFacts, type HostFacts } from "../host-facts.ts";

/** Details of a component are a Go map, which prints in the order of its keys. */
export function versionView(settings: ApiSettings, engine: EngineInfo) {
  const versions = { ApiVersion: NEWEST_VERSION, MinAPIVersion: OLDEST_VERSION, GitCommit: settings.gitCommit ?? "" };
  const platform = { GoVersion: `node ${process.version}`, Os: "linux", Arch: goArchitecture() };
  const common = { ...versions, ...platform, KernelVersion: release(), BuildTime: settings.buildTime ?? "" };
  const details = Object.entries({ ...common, Experimental: String(settings.experimental ?? false) });
  return {
    Platform: { Name: "Causeway" },
    Components: [
      {
        Name: "Engine",
        Version: settings.serverVersion,
        Details: Object.fromEntries(details.sort(([a], [b]) => (a < b ? -1 : 1))),
      },
      { Name: "containerd", Version: engine.containerdVersion, Details: { GitCommit: "" } },
      { Name: "runc", Version: engine.runcVersion, Details: { GitCommit: "" } },
    ],
    Version: settings.serverVersion,
    ...common,
  };
}

export function infoView({ settings, clock }: ApiContext, info: EngineInfo) {
  const { running, paused, stopped } = info.containers;
  const facts = hostFacts();
  return {
    ID: info.id,
    Containers: running + paused + stopped,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: stopped,
    Images: info.images,
    Driver: info.snapshotter,
    DriverStatus: [["driver-type", "io.containerd.snapshotter.v1"]],
    Plugins: {
      Volume: ["local"],
      Network: settings.networkDrivers ?? ["bridge", "host", "null"],
      Authorization: null,
      Log: ["json-file"],
    },
    ...capabilities(facts),
    Debug: settings.debug ?? false,
    NFd: facts.openFiles,
    OomKillDisable: false,
    NGoroutines: 1,
    SystemTime: formatTimeNs(clock.nowNs()),
    ...hostView(facts),
    ...daemonView(settings, info),
    ...runtimeView(settings, info),
    ...firewallView(settings),
    DefaultAddressPools: (settings.defaultAddressPools ?? []).map(({ base, size }) => ({ Base: base, Size: size })),
    Warnings: warningsOf(settings),
  };
}

function capabilities(facts: HostFacts) {
  return {
    MemoryLimit: true,
    SwapLimit: true,
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    CPUShares: true,
    CPUSet: true,
    PidsLimit: true,
    IPv4Forwarding: facts.ipv4Forwarding,
    BridgeNfIptables: true,
    BridgeNfIp6tables: true,
  };
}

function hostView(facts: HostFacts) {
  return {
    LoggingDriver: "json-file",
    CgroupDriver: "cgroupfs",
    CgroupVersion: facts.cgroupVersion,
    NEventsListener: 0,
    KernelVersion: release(),
    OperatingSystem: facts.operatingSystem,
    OSVersion: facts.osVersion,
    OSType: "linux",
    Architecture: machine(),
    IndexServerAddress: "https://index.docker.io/v1/",
    RegistryConfig: { InsecureRegistryCIDRs: [], IndexConfigs: {}, Mirrors: [] },
    NCPU: availableParallelism(),
    MemTotal: totalmem(),
    GenericResources: null,
  };
}

function daemonView(settings: ApiSettings, info: EngineInfo) {
  return {
    DockerRootDir: info.dataRoot,
    HttpProxy: "",
    HttpsProxy: "",
    NoProxy: "",
    Name: settings.hostname ?? hostname(),
    Labels: settings.labels ?? [],
    ExperimentalBuild: settings.experimental ?? false,
    ServerVersion: settings.serverVersion,
    ...clusterView(settings),
  };
}

/** Up to API 1.41, and shown by docker's command line of that time. */
function clusterView({ cluster }: ApiSettings) {
  if (cluster === undefined) return {};
  const address = formatAddress(cluster.address);
  const host = cluster.address.family === 4 ? address : `[${address}]`;
  return { ClusterStore: cluster.store, ClusterAdvertise: `${host}:${cluster.port}` };
}

/** The docker command prints them last. */
function warningsOf({ cluster, warnings = [] }: ApiSettings): readonly string[] {
  const status = cluster?.status();
  if (status?.state !== "away") return warnings;
  const since = new Date(status.sinceMs).toISOString().replace(/\.\d+Z$/, "Z");
  const effect = "networks between hosts cannot be changed until it is back, their traffic goes on";
  return [...warnings, `WARNING: cluster store away since ${since}: ${status.reason}; ${effect}`];
}

function runtimeView(settings: ApiSettings, info: EngineInfo) {
  const swarm = { NodeID: "", NodeAddr: "", LocalNodeState: "inactive", ControlAvailable: false, Error: "" };
  return {
    Runtimes: { "io.containerd.runc.v2": { path: "runc" }, runc: { path: "runc" } },
    DefaultRuntime: "runc",
    Swarm: { ...swarm, RemoteManagers: null },
    LiveRestoreEnabled: settings.liveRestore ?? false,
    Isolation: "",
    InitBinary: "",
    ContainerdCommit: { ID: info.containerdVersion },
    RuncCommit: { ID: info.runcVersion },
    InitCommit: { ID: "" },
    SecurityOptions: [],
  };
}

/** From API 1.49. */
function firewallView({ firewallBackend }: ApiSettings) {
  return firewallBackend === undefined ? {} : { FirewallBackend: { Driver: firewallBackend } };
}
