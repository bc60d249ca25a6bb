/**
 * Bodies of `/containers*` (Docker API v1.51, `api/types/container`). HostConfig lists every field of Docker's, also those
 * that are refused, so that a wrong type is found and nothing is ignored unseen.
 */
import { anything, bool, integer, keys, list, map, struct, text, words, type Decoded } from "./decoder.ts";
import { EndpointBody } from "./network-bodies.ts";

const Mount = struct("Mount", {
  Type: text,
  Source: text,
  Target: text,
  ReadOnly: bool,
  Consistency: text,
  BindOptions: struct("BindOptions", {
    Propagation: text,
    NonRecursive: bool,
    CreateMountpoint: bool,
    ReadOnlyNonRecursive: bool,
    ReadOnlyForceRecursive: bool,
  }),
  VolumeOptions: struct("VolumeOptions", {
    NoCopy: bool,
    Labels: map(text),
    Subpath: text,
    DriverConfig: struct("Driver", { Name: text, Options: map(text) }),
  }),
  TmpfsOptions: struct("TmpfsOptions", { SizeBytes: integer(), Mode: integer(), Options: list(list(text)) }),
});

const PortBinding = struct("PortBinding", { HostIp: text, HostPort: text });

const Resources = {
  CpuShares: integer(),
  Memory: integer(),
  NanoCpus: integer(),
  CgroupParent: text,
  BlkioWeight: integer("uint16"),
  BlkioWeightDevice: list(anything, "[]*blkiodev.WeightDevice"),
  BlkioDeviceReadBps: list(anything, "[]*blkiodev.ThrottleDevice"),
  BlkioDeviceWriteBps: list(anything, "[]*blkiodev.ThrottleDevice"),
  BlkioDeviceReadIOps: list(anything, "[]*blkiodev.ThrottleDevice"),
  BlkioDeviceWriteIOps: list(anything, "[]*blkiodev.ThrottleDevice"),
  CpuPeriod: integer(),
  CpuQuota: integer(),
  CpuRealtimePeriod: integer(),
  CpuRealtimeRuntime: integer(),
  CpusetCpus: text,
  CpusetMems: text,
  Devices: list(anything, "[]container.DeviceMapping"),
  DeviceCgroupRules: list(text),
  DeviceRequests: list(anything, "[]container.DeviceRequest"),
  KernelMemory: integer(),
  KernelMemoryTCP: integer(),
  MemoryReservation: integer(),
  MemorySwap: integer(),
  MemorySwappiness: integer(),
  OomKillDisable: bool,
  PidsLimit: integer(),
  Ulimits: list(struct("Ulimit", { Name: text, Hard: integer(), Soft: integer() }), "[]*units.Ulimit"),
};

export const HostConfigBody = struct("HostConfig", {
  ...Resources,
  Binds: list(text),
  ContainerIDFile: text,
  LogConfig: struct("LogConfig", { Type: text, Config: map(text) }),
  NetworkMode: text,
  PortBindings: map(list(PortBinding, "[]nat.PortBinding"), "nat.PortMap"),
  RestartPolicy: struct("RestartPolicy", { Name: text, MaximumRetryCount: integer("int") }),
  AutoRemove: bool,
  VolumeDriver: text,
  VolumesFrom: list(text),
  ConsoleSize: list(integer("int")),
  Annotations: map(text),
  CapAdd: words,
  CapDrop: words,
  CgroupnsMode: text,
  Dns: list(text),
  DnsOptions: list(text),
  DnsSearch: list(text),
  ExtraHosts: list(text),
  GroupAdd: list(text),
  IpcMode: text,
  Cgroup: text,
  Links: list(text),
  OomScoreAdj: integer("int"),
  PidMode: text,
  Privileged: bool,
  PublishAllPorts: bool,
  ReadonlyRootfs: bool,
  SecurityOpt: list(text),
  StorageOpt: map(text),
  Tmpfs: map(text),
  UTSMode: text,
  UsernsMode: text,
  ShmSize: integer(),
  Sysctls: map(text),
  Runtime: text,
  Isolation: text,
  Mounts: list(Mount, "[]mount.Mount"),
  MaskedPaths: list(text),
  ReadonlyPaths: list(text),
  Init: bool,
});

const NetworkingConfig = struct("NetworkingConfig", {
  EndpointsConfig: map(EndpointBody, "map[string]*network.EndpointSettings", {}),
});

const CONFIG = {
  Hostname: text,
  Domainname: text,
  User: text,
  AttachStdin: bool,
  AttachStdout: bool,
  AttachStderr: bool,
  ExposedPorts: keys,
  Tty: bool,
  OpenStdin: bool,
  StdinOnce: bool,
  Env: list(text),
  Cmd: words,
  Healthcheck: anything,
  ArgsEscaped: bool,
  Image: text,
  Volumes: keys,
  WorkingDir: text,
  Entrypoint: words,
  NetworkDisabled: bool,
  MacAddress: text,
  OnBuild: list(text),
  Labels: map(text),
  StopSignal: text,
  StopTimeout: integer("int"),
  Shell: words,
};

export const ContainerCreateBody = struct("CreateRequest", {
  ...CONFIG,
  HostConfig: HostConfigBody,
  NetworkingConfig,
});

/** Body of `/commit`: a container's config, of which an image keeps what it can. */
export const CommitBody = struct("Config", CONFIG);

export type CommitRequest = Decoded<typeof CommitBody>;
export type ContainerCreateRequest = Decoded<typeof ContainerCreateBody>;
export type HostConfigRequest = Decoded<typeof HostConfigBody>;
export type MountRequest = Decoded<typeof Mount>;
