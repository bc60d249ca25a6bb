/**
 * What is mounted in a container, in the order in which runc mounts it: the kernel's file systems, shared memory, the three
 * /etc files of its sandbox, then what the user asked for, parents before children. Options are Docker's.
 */
import { EngineError } from "../../base/errors.ts";
import type { SandboxView } from "../../controller/cnm.ts";
import type { ContainerSpec, MountSpec } from "../container-spec.ts";
import type { RuntimeMount } from "./runtime-spec.ts";

const DEFAULT_SHM_BYTES = 64 * 1024 * 1024;
const QUIET = ["nosuid", "noexec", "nodev"];
const PROPAGATIONS = new Set(["private", "rprivate", "shared", "rshared", "slave", "rslave"]);

export interface MountInputs {
  readonly spec: ContainerSpec;
  /** Absent: the container's image files stay as they are. */
  readonly sandbox?: Pick<SandboxView, "hostsPath" | "hostnamePath" | "resolvConfPath">;
  /** Host directory of a named volume. */
  readonly volumePath: (name: string) => string;
}

/** All mounts. Throws `invalid-argument` for targets that are not absolute, or used twice. */
export function containerMounts(inputs: MountInputs): readonly RuntimeMount[] {
  const user = userMounts(inputs);
  const taken = new Set<string>();
  for (const { destination } of user) {
    if (taken.has(destination)) throw new EngineError("invalid-argument", `Duplicate mount point: ${destination}`);
    taken.add(destination);
  }
  const own = [...kernelMounts(inputs.spec), ...sharedMemory(inputs.spec), ...networkFiles(inputs)];
  return [...own.filter((mount) => !taken.has(mount.destination)), ...user];
}

function kernelMounts(spec: ContainerSpec): readonly RuntimeMount[] {
  const access = spec.privileged ? "rw" : "ro";
  return [
    { destination: "/proc", type: "proc", source: "proc", options: QUIET },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: [...QUIET, access] },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: [access, ...QUIET] },
  ];
}

function sharedMemory(spec: ContainerSpec): readonly RuntimeMount[] {
  // A new mqueue mount shows the queues of the IPC namespace that it is made in, the host's too; hosts need not have one.
  const queues = { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: QUIET };
  if (spec.ipcMode === "host") return [queues, bind("/dev/shm", "/dev/shm", [])];
  const size = `size=${spec.shmSize ?? DEFAULT_SHM_BYTES}`;
  return [queues, { destination: "/dev/shm", type: "tmpfs", source: "shm", options: [...QUIET, "mode=1777", size] }];
}

function networkFiles({ spec, sandbox }: MountInputs): readonly RuntimeMount[] {
  if (sandbox === undefined) return [];
  const access = spec.readonlyRootfs ? ["ro"] : [];
  return [
    bind(sandbox.resolvConfPath, "/etc/resolv.conf", access),
    bind(sandbox.hostnamePath, "/etc/hostname", access),
    bind(sandbox.hostsPath, "/etc/hosts", access),
  ];
}

function userMounts({ spec, volumePath }: MountInputs): readonly RuntimeMount[] {
  const temporary = Object.entries(spec.tmpfs).map(([target, options]) => tmpfs(target, options));
  const mounted = spec.mounts.map((mount) => userMount(mount, volumePath));
  return [...temporary, ...mounted].sort((a, b) => depth(a.destination) - depth(b.destination));
}

function userMount(mount: MountSpec, volumePath: (name: string) => string): RuntimeMount {
  if (mount.type === "tmpfs") return tmpfs(mount.target, mount.readOnly ? "ro" : "");
  const source = mount.type === "volume" ? volumePath(mount.source) : mount.source;
  const propagation = mount.propagation ?? "";
  if (propagation !== "" && !PROPAGATIONS.has(propagation)) {
    throw new EngineError("invalid-argument", `invalid mount config: invalid propagation mode: ${propagation}`);
  }
  return bind(source, mount.target, [...(mount.readOnly ? ["ro"] : []), ...(propagation === "" ? [] : [propagation])]);
}

function bind(source: string, target: string, options: readonly string[]): RuntimeMount {
  const propagation = options.some((option) => PROPAGATIONS.has(option)) ? [] : ["rprivate"];
  return { destination: absolute(target), type: "bind", source, options: ["rbind", ...propagation, ...options] };
}

function tmpfs(target: string, options: string): RuntimeMount {
  const given = options.split(",").filter((option) => option !== "");
  const defaults = QUIET.filter((option) => !given.includes(option.slice(2)) && !given.includes(option));
  return { destination: absolute(target), type: "tmpfs", source: "tmpfs", options: [...defaults, ...given] };
}

function absolute(target: string): string {
  const clean = target.length > 1 ? target.replace(/\/+$/, "") : target;
  if (clean.startsWith("/") && clean !== "/" && !clean.split("/").includes("..")) return clean;
  const why = clean === "/" ? "destination can't be '/'" : `mount path must be absolute`;
  throw new EngineError("invalid-argument", `invalid mount config: invalid mount path: '${target}' ${why}`);
}

function depth(path: string): number {
  return path.split("/").length;
}
