/** The host and engine as `docker info` and `docker version` show them (Docker API v1.51, `system.Info`, `types.Version`). */
import { availableParallelism, hostname, machine, release, totalmem } from "node:os";
import { formatTimeNs } from "../../base/clock.ts";
import type { EngineInfo } from "../../engine/engine.ts";
import type { ApiContext, ApiSettings } from "../api-context.ts";
import { NEWEST_VERSION, OLDEST_VERSION } from "../api-version.ts";
import { goArchitecture, hostFacts } from "../host-facts.ts";

export function versionView(settings: ApiSettings, engine: EngineInfo) {
  const common = {
    ApiVersion: NEWEST_VERSION,
    MinAPIVersion: OLDEST_VERSION,
    GitCommit: settings.gitCommit ?? "",
    GoVersion: `node ${process.version}`,
    Os: "linux",
    Arch: goArchitecture(),
    KernelVersion: release(),
    ...(settings.buildTime === undefined ? {} : { BuildTime: settings.buildTime }),
  };
  const details = { ...common, Experimental: String(settings.experimental ?? false) };
  return {
    Platform: { Name: "Causeway" },
    Version: settings.serverVersion,
    ...common,
    Components: [
      { Name: "Engine", Version: settings.serverVersion, Details: details },
      { Name: "containerd", Version: engine.containerdVersion, Details: { GitCommit: "" } },
      { Name: "runc", Version: engine.runcVersion, Details: { GitCommit: "" } },
    ],
  };
}

export function infoView({ settings, clock }: ApiContext, info: EngineInfo) {
  const { running, paused, stopped } = info.containers;
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
      Volume: [],
      Network: settings.networkDrivers ?? ["bridge", "host", "null"],
      Authorization: null,
      Log: ["json-file"],
    },
    ...capabilities(),
    Debug: settings.debug ?? false,
    SystemTime: formatTimeNs(clock.nowNs()),
    NEventsListener: 0,
    ...hostView(settings),
    ...runtimeView(info),
    LiveRestoreEnabled: settings.liveRestore ?? false,
    ...firewallView(settings),
    DefaultAddressPools: (settings.defaultAddressPools ?? []).map(({ base, size }) => ({ Base: base, Size: size })),
    Warnings: settings.warnings ?? [],
  };
}

function capabilities() {
  return {
    MemoryLimit: true,
    SwapLimit: true,
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    CPUShares: true,
    CPUSet: true,
    PidsLimit: true,
    OomKillDisable: false,
    BridgeNfIptables: true,
    BridgeNfIp6tables: true,
  };
}

function hostView(settings: ApiSettings) {
  const facts = hostFacts();
  return {
    IPv4Forwarding: facts.ipv4Forwarding,
    NFd: facts.openFiles,
    NGoroutines: 1,
    LoggingDriver: "json-file",
    CgroupDriver: "cgroupfs",
    CgroupVersion: facts.cgroupVersion,
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
    HttpProxy: "",
    HttpsProxy: "",
    NoProxy: "",
    Name: settings.hostname ?? hostname(),
    Labels: settings.labels ?? [],
    ExperimentalBuild: settings.experimental ?? false,
    ServerVersion: settings.serverVersion,
  };
}

function runtimeView(info: EngineInfo) {
  const swarm = { NodeID: "", NodeAddr: "", LocalNodeState: "inactive", ControlAvailable: false, Error: "" };
  return {
    DockerRootDir: info.dataRoot,
    Runtimes: { runc: { path: "runc" }, "io.containerd.runc.v2": { path: "runc" } },
    DefaultRuntime: "runc",
    Swarm: { ...swarm, RemoteManagers: null },
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
