/** `POST /containers/create` from the flags of `run`. Pure but for the files that `--env-file` and `--label-file` name. */
import { CliFailure } from "../failure.ts";
import type { FlagValues } from "../flags/flag-values.ts";
import { readPairFile, resolveEnvironment, toMap } from "../flags/key-values.ts";
import type { Json } from "../../store/store.ts";
import { parseMount } from "./mount-flag.ts";
import { chooseNetworks } from "./network-flags.ts";
import { parsePorts } from "./ports.ts";
import { parseSize } from "./sizes.ts";

export interface CreateInput {
  readonly image: string;
  readonly command: readonly string[];
  readonly flags: FlagValues;
  readonly environment: NodeJS.ProcessEnv;
  /** Docker attaches what it will read before the container exists. */
  readonly attach: { readonly stdin: boolean; readonly output: boolean };
}

/** Throws CliFailure for flags that cannot be. */
export function createBody({ image, command, flags, environment, attach }: CreateInput): Json {
  const ports = parsePorts(flags.list("publish"), flags.list("expose"));
  const networks = chooseNetworks(flags);
  const volumes = flags.list("volume").filter((volume) => !volume.includes(":"));
  const variables = [...flags.list("env-file").flatMap(readPairFile), ...flags.list("env")];
  const labels = [...flags.list("label-file").flatMap(readPairFile), ...flags.list("label")];
  const entrypoint = flags.text("entrypoint");
  return {
    Hostname: flags.text("hostname") ?? "",
    Domainname: flags.text("domainname") ?? "",
    User: flags.text("user") ?? "",
    AttachStdin: attach.stdin,
    AttachStdout: attach.output,
    AttachStderr: attach.output,
    ExposedPorts: emptyMembers(ports.exposed),
    Tty: flags.isOn("tty"),
    OpenStdin: flags.isOn("interactive"),
    StdinOnce: attach.stdin,
    Env: resolveEnvironment(variables, environment),
    Cmd: command.length === 0 ? null : [...command],
    Image: image,
    Volumes: emptyMembers(volumes),
    WorkingDir: flags.text("workdir") ?? "",
    Entrypoint: entrypoint === undefined ? null : [entrypoint],
    Labels: toMap(labels),
    ...(flags.given("stop-signal") ? { StopSignal: flags.text("stop-signal") ?? "" } : {}),
    ...(flags.given("stop-timeout") ? { StopTimeout: flags.number("stop-timeout") ?? 0 } : {}),
    HostConfig: { ...hostConfig(flags), NetworkMode: networks.mode, PortBindings: bindings(ports.bindings) },
    NetworkingConfig: { EndpointsConfig: networks.endpoints },
  };
}

function hostConfig(flags: FlagValues): Record<string, Json> {
  const binds = flags.list("volume").filter((volume) => volume.includes(":"));
  const limits = flags.list("ulimit").map(parseUlimit);
  return {
    Binds: binds,
    LogConfig: { Type: flags.text("log-driver") ?? "", Config: toMap(flags.list("log-opt")) },
    RestartPolicy: parseRestart(flags.text("restart") ?? "no", flags.isOn("rm")),
    AutoRemove: flags.isOn("rm"),
    VolumesFrom: flags.list("volumes-from"),
    CapAdd: flags.list("cap-add").map(capability).sort(),
    CapDrop: flags.list("cap-drop").map(capability).sort(),
    CgroupnsMode: flags.text("cgroupns") ?? "",
    Dns: flags.list("dns"),
    DnsOptions: flags.list("dns-option"),
    DnsSearch: flags.list("dns-search"),
    ExtraHosts: flags.list("add-host").map(extraHost),
    GroupAdd: flags.list("group-add"),
    IpcMode: flags.text("ipc") ?? "",
    ConsoleSize: [0, 0],
    Links: flags.list("link"),
    OomScoreAdj: flags.number("oom-score-adj") ?? 0,
    PidMode: flags.text("pid") ?? "",
    Privileged: flags.isOn("privileged"),
    PublishAllPorts: flags.isOn("publish-all"),
    ReadonlyRootfs: flags.isOn("read-only"),
    SecurityOpt: flags.list("security-opt"),
    Tmpfs: Object.fromEntries(flags.list("tmpfs").map(splitTmpfs)),
    UTSMode: flags.text("uts") ?? "",
    UsernsMode: flags.text("userns") ?? "",
    ShmSize: parseSize(flags.text("shm-size") ?? "0"),
    Sysctls: toMap(flags.list("sysctl")),
    Runtime: flags.text("runtime") ?? "",
    Annotations: toMap(flags.list("annotation")),
    CpuShares: flags.number("cpu-shares") ?? 0,
    CpusetCpus: flags.text("cpuset-cpus") ?? "",
    Memory: parseSize(flags.text("memory") ?? "0"),
    MemorySwappiness: -1,
    NanoCpus: Math.round(Number(flags.text("cpus") ?? 0) * 1e9),
    PidsLimit: flags.number("pids-limit") ?? 0,
    Ulimits: limits,
    Mounts: flags.list("mount").map(parseMount),
    ...(flags.given("init") ? { Init: flags.isOn("init") } : {}),
  };
}

function emptyMembers(names: readonly string[]): Json {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

function bindings(map: ReturnType<typeof parsePorts>["bindings"]): Json {
  return Object.fromEntries(Object.entries(map).map(([port, list]) => [port, list.map((binding) => ({ ...binding }))]));
}

function capability(name: string): string {
  const upper = name.toUpperCase();
  return upper === "ALL" || upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
}

function extraHost(text: string): string {
  const separator = text.includes("=") ? "=" : ":";
  const at = text.indexOf(separator);
  return `${text.slice(0, at)}:${text.slice(at + 1).replace(/^\[(.*)\]$/, "$1")}`;
}

function splitTmpfs(text: string): [string, string] {
  const colon = text.indexOf(":");
  return colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
}

function parseRestart(text: string, autoRemove: boolean): Json {
  const [name = "", count, ...rest] = text.split(":");
  if (autoRemove && name !== "no" && name !== "")
    throw new CliFailure("conflicting options: cannot specify both --restart and --rm");
  if (rest.length > 0)
    throw new CliFailure("invalid restart policy format: restart policy not in 'name:maximum-retry-count' format");
  if (count === undefined) return { Name: name, MaximumRetryCount: 0 };
  if (!/^\d+$/.test(count))
    throw new CliFailure("invalid restart policy format: maximum retry count must be an integer");
  return { Name: name, MaximumRetryCount: Number(count) };
}

function parseUlimit(text: string): Json {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
  if (match === null) throw new CliFailure(`invalid ulimit argument: ${text}`);
  const soft = Number(match[2]);
  return { Name: match[1] ?? "", Soft: soft, Hard: Number(match[3] ?? soft) };
}
