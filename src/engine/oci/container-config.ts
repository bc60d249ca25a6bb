/**
 * From what was asked for to the OCI runtime's config.json: one pure function, so that every default of Docker's can be read
 * and tested in one place. Not applied: an AppArmor or SELinux profile.
 */
import type { SandboxView } from "../../controller/cnm.ts";
import type { ContainerSpec } from "../container-spec.ts";
import { resolveCapabilities } from "./capabilities.ts";
import { hostDevices } from "./devices.ts";
import { containerMounts } from "./mounts.ts";
import { rlimits, runtimeResources, type CgroupFacts } from "./resources.ts";
import type { LinuxSpec, ProcessSpec, RuntimeSpec } from "./runtime-spec.ts";
import { seccompFilter } from "./seccomp.ts";

const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const MASKED = "asound acpi interrupts kcore keys latency_stats timer_list timer_stats sched_debug scsi"
  .split(" ")
  .map((name) => `/proc/${name}`);
const MASKED_SYS = ["/sys/firmware", "/sys/devices/virtual/powercap"];
const READONLY = ["bus", "fs", "irq", "sys", "sysrq-trigger"].map((name) => `/proc/${name}`);

export interface ConfigInputs {
  readonly id: string;
  readonly spec: ContainerSpec;
  readonly commandLine: readonly string[];
  /** What links tell of other containers; anybody else's word counts more. */
  readonly linkEnvironment?: readonly string[];
  /** Environment of the image. */
  readonly imageEnvironment: readonly string[];
  readonly workingDirectory: string;
  readonly user: ProcessSpec["user"];
  readonly hostname: string;
  readonly sandbox?: SandboxView;
  readonly cgroupParent: string;
  readonly cgroups: CgroupFacts;
  readonly volumePath: (name: string) => string;
}

/** The whole document. Throws `invalid-argument` for capabilities and mounts that cannot be. */
export function containerConfig(inputs: ConfigInputs): RuntimeSpec {
  const { spec } = inputs;
  const { sandbox, volumePath } = inputs;
  const capabilities = resolveCapabilities({ privileged: spec.privileged, ...spec.capabilities });
  return {
    ociVersion: "1.0.2",
    process: {
      ...containerProcess(inputs, capabilities),
      ...(spec.resources.ulimits === undefined ? {} : { rlimits: rlimits(spec.resources) }),
    },
    root: { path: "rootfs", readonly: spec.readonlyRootfs },
    ...(spec.utsMode === "host" ? {} : { hostname: inputs.hostname }),
    mounts: containerMounts({ spec, volumePath, ...(sandbox === undefined ? {} : { sandbox }) }),
    linux: linuxConfig(inputs, capabilities),
  };
}

function containerProcess(inputs: ConfigInputs, capabilities: readonly string[]): ProcessSpec {
  return {
    terminal: inputs.spec.tty,
    user: inputs.user,
    args: inputs.commandLine,
    env: containerEnvironment(inputs),
    cwd: inputs.workingDirectory,
    capabilities: capabilitySets(capabilities, inputs.user.uid),
  };
}

/** As execve leaves them: processes of root hold everything at once, others only may not exceed it. */
export function capabilitySets(capabilities: readonly string[], uid: number): ProcessSpec["capabilities"] {
  if (uid !== 0) return { bounding: capabilities };
  return { bounding: capabilities, effective: capabilities, permitted: capabilities };
}

/** Later definitions of a variable win but keep its first place; `NAME` without `=` takes it away. */
export function mergeEnvironment(...lists: readonly (readonly string[])[]): readonly string[] {
  const merged = new Map<string, string>();
  for (const entry of lists.flat()) {
    const [name = ""] = entry.split("=", 1);
    if (entry.includes("=")) merged.set(name, entry);
    else merged.delete(name);
  }
  return [...merged.values()];
}

function containerEnvironment({
  spec,
  hostname,
  imageEnvironment,
  linkEnvironment = [],
}: ConfigInputs): readonly string[] {
  const own = [DEFAULT_PATH, `HOSTNAME=${hostname}`, ...(spec.tty ? ["TERM=xterm"] : [])];
  return mergeEnvironment(own, linkEnvironment, imageEnvironment, spec.environment);
}

function linuxConfig(inputs: ConfigInputs, capabilities: readonly string[]): LinuxSpec {
  const { spec } = inputs;
  const shared = spec.mounts.some((mount) => /^r?shared$/.test(mount.propagation ?? ""));
  const slave = spec.mounts.some((mount) => /^r?slave$/.test(mount.propagation ?? ""));
  return {
    namespaces: namespaces(inputs),
    devices: spec.privileged ? hostDevices() : [],
    resources: runtimeResources(spec.resources, spec.privileged, inputs.cgroups),
    cgroupsPath: `${inputs.cgroupParent}/${inputs.id}`,
    sysctl: kernelSysctls(spec),
    maskedPaths: spec.privileged ? [] : [...MASKED, ...MASKED_SYS],
    readonlyPaths: spec.privileged ? [] : READONLY,
    ...(shared ? { rootfsPropagation: "shared" } : slave ? { rootfsPropagation: "slave" } : {}),
    ...(spec.privileged ? {} : { seccomp: seccompFilter(capabilities) }),
  };
}

/** `net.*` belongs to the sandbox, which the controller makes; the rest to namespaces that runc makes. */
function kernelSysctls({ sysctls, domainname, utsMode }: ContainerSpec): Readonly<Record<string, string>> {
  const own =
    domainname === undefined || domainname === "" || utsMode === "host" ? {} : { "kernel.domainname": domainname };
  return { ...own, ...Object.fromEntries(Object.entries(sysctls).filter(([name]) => !name.startsWith("net."))) };
}

function namespaces({ spec, sandbox, cgroups }: ConfigInputs): LinuxSpec["namespaces"] {
  const network =
    sandbox === undefined
      ? [{ type: "network" }]
      : sandbox.hostNamespace
        ? []
        : [{ type: "network", path: sandbox.key }];
  return [
    { type: "mount" },
    ...network,
    ...(spec.utsMode === "host" ? [] : [{ type: "uts" }]),
    ...(spec.pidMode === "host" ? [] : [{ type: "pid" }]),
    ...(spec.ipcMode === "host" ? [] : [{ type: "ipc" }]),
    ...(cgroups.unified && !spec.privileged ? [{ type: "cgroup" }] : []),
  ];
}
