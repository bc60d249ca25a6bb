/**
 * `HostConfig` and `Config` of container inspect: the client's own document, laid over Docker's defaults in Docker's order
 * (API v1.51, `container.HostConfig`), so that every field is there whatever the client left out.
 */
import type { Json } from "../../store/store.ts";

type JsonObject = Readonly<Record<string, Json>>;

const MASKED_PATHS = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const READONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

const HOST_CONFIG: JsonObject = {
  Binds: null,
  ContainerIDFile: "",
  LogConfig: { Type: "json-file", Config: {} },
  NetworkMode: "bridge",
  PortBindings: {},
  RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
  AutoRemove: false,
  VolumeDriver: "",
  VolumesFrom: null,
  ConsoleSize: [0, 0],
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: "private",
  Dns: [],
  DnsOptions: [],
  DnsSearch: [],
  ExtraHosts: null,
  GroupAdd: null,
  IpcMode: "private",
  Cgroup: "",
  Links: null,
  OomScoreAdj: 0,
  PidMode: "",
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: "",
  UsernsMode: "",
  ShmSize: 67108864,
  Runtime: "runc",
  Isolation: "",
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: "",
  BlkioWeight: 0,
  BlkioWeightDevice: [],
  BlkioDeviceReadBps: [],
  BlkioDeviceWriteBps: [],
  BlkioDeviceReadIOps: [],
  BlkioDeviceWriteIOps: [],
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: "",
  CpusetMems: "",
  Devices: [],
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: false,
  PidsLimit: null,
  Ulimits: [],
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
  MaskedPaths: MASKED_PATHS,
  ReadonlyPaths: READONLY_PATHS,
};

/** Fields that Docker prints only when they were given, after the field named. */
const OPTIONAL_AFTER: Readonly<Record<string, readonly string[]>> = {
  ConsoleSize: ["Annotations"],
  SecurityOpt: ["StorageOpt", "Tmpfs"],
  ShmSize: ["Sysctls"],
  IOMaximumBandwidth: ["Mounts"],
  ReadonlyPaths: ["Init"],
};

const CONFIG: JsonObject = {
  Hostname: "",
  Domainname: "",
  User: "",
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: "",
  Volumes: null,
  WorkingDir: "",
  Entrypoint: null,
  OnBuild: null,
  Labels: {},
};
const CONFIG_OPTIONAL: Readonly<Record<string, readonly string[]>> = {
  AttachStderr: ["ExposedPorts"],
  Cmd: ["Healthcheck", "ArgsEscaped"],
  Entrypoint: ["NetworkDisabled", "MacAddress"],
  Labels: ["StopSignal", "StopTimeout", "Shell"],
};

export function hostConfigView(given: JsonObject): JsonObject {
  return overlay(HOST_CONFIG, OPTIONAL_AFTER, given);
}

export function configView(given: JsonObject): JsonObject {
  return overlay(CONFIG, CONFIG_OPTIONAL, given);
}

/** A member of a document when it is an object; an empty one otherwise. */
export function objectMember(document: Json | undefined, key: string): JsonObject {
  const member = isJsonObject(document) ? document[key] : undefined;
  return isJsonObject(member) ? member : {};
}

function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function overlay(defaults: JsonObject, optional: Readonly<Record<string, readonly string[]>>, given: JsonObject) {
  const view: Record<string, Json> = {};
  for (const [key, value] of Object.entries(defaults)) {
    view[key] = given[key] ?? value;
    for (const extra of optional[key] ?? []) {
      const extraValue = given[extra];
      if (extraValue !== undefined && extraValue !== null) view[extra] = extraValue;
    }
  }
  return view;
}
