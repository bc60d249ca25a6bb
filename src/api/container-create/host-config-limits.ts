/**
 * Fields of HostConfig that this engine does not act on. What a user relies on for safety or that changes what the program
 * can reach is refused with 501; what only tunes is accepted with a warning; nothing is ignored unseen.
 */
import { EngineError } from "../../base/errors.ts";
import type { ContainerCreateRequest, HostConfigRequest } from "../schema/container-bodies.ts";

type Test = (host: HostConfigRequest) => boolean;

const some = (list: readonly unknown[] | undefined): boolean => (list ?? []).length > 0;
const set = (text: string | undefined, ...harmless: string[]): boolean => !["", ...harmless].includes(text ?? "");
const nonZero = (value: number | null | undefined): boolean => (value ?? 0) !== 0;

/** Security options that loosen what we do not tighten. */
const LOOSENING =
  /^(seccomp[=:]unconfined|apparmor[=:]unconfined|label[=:]disable|systempaths=unconfined|no-new-privileges[=:]false)$/;

const REFUSED: readonly (readonly [what: string, asked: Test])[] = [
  ["devices (--device)", (host) => some(host.Devices)],
  ["device requests (--gpus)", (host) => some(host.DeviceRequests)],
  ["device cgroup rules (--device-cgroup-rule)", (host) => some(host.DeviceCgroupRules)],
  ["volumes from other containers (--volumes-from)", (host) => some(host.VolumesFrom)],
  ["security options (--security-opt)", (host) => !(host.SecurityOpt ?? []).every((option) => LOOSENING.test(option))],
  ["additional groups (--group-add)", (host) => some(host.GroupAdd)],
  ["storage options (--storage-opt)", (host) => some(Object.keys(host.StorageOpt ?? {}))],
  ["cgroup parents (--cgroup-parent)", (host) => set(host.CgroupParent)],
  ["user namespaces (--userns)", (host) => set(host.UsernsMode, "host")],
  ["memory nodes (--cpuset-mems)", (host) => set(host.CpusetMems)],
  ["joining a PID namespace (--pid container:)", (host) => (host.PidMode ?? "").startsWith("container:")],
  ["joining an IPC namespace (--ipc container:)", (host) => (host.IpcMode ?? "").startsWith("container:")],
];

const WARNED: readonly (readonly [what: string, asked: Test])[] = [
  ["memory reservation", (host) => nonZero(host.MemoryReservation)],
  ["memory swap limit", (host) => (host.MemorySwap ?? 0) > 0],
  ["memory swappiness", (host) => (host.MemorySwappiness ?? -1) >= 0],
  ["kernel memory limit", (host) => nonZero(host.KernelMemory) || nonZero(host.KernelMemoryTCP)],
  ["OOM killer setting", (host) => host.OomKillDisable === true],
  ["OOM score adjustment", (host) => nonZero(host.OomScoreAdj)],
  ["block I/O limit", (host) => nonZero(host.BlkioWeight) || some(host.BlkioWeightDevice)],
  ["block device throttling", (host) => some(host.BlkioDeviceReadBps) || some(host.BlkioDeviceWriteBps)],
  ["block device throttling", (host) => some(host.BlkioDeviceReadIOps) || some(host.BlkioDeviceWriteIOps)],
  ["real-time CPU scheduling", (host) => nonZero(host.CpuRealtimePeriod) || nonZero(host.CpuRealtimeRuntime)],
  ["log driver", (host) => set(host.LogConfig?.Type, "json-file", "local")],
  ["init process", (host) => host.Init === true],
  ["cgroup namespace of the host", (host) => host.CgroupnsMode === "host"],
];

/** Answers the warnings. Throws `not-implemented` or, for modes that do not exist, `invalid-argument`. */
export function checkHostConfig(request: ContainerCreateRequest): readonly string[] {
  const host = request.HostConfig ?? {};
  validateModes(host);
  const refused = REFUSED.find(([, asked]) => asked(host));
  if (refused !== undefined) throw new EngineError("not-implemented", `${refused[0]} are not implemented yet`);
  const warned = new Set(WARNED.filter(([, asked]) => asked(host)).map(([what]) => what));
  if (request.Healthcheck !== undefined) warned.add("health check");
  return [...warned].map((what) => `The ${what} is not implemented yet and was discarded.`);
}

function validateModes(host: HostConfigRequest): void {
  const { PidMode: pid, IpcMode: ipc, UTSMode: uts, Runtime: runtime, Isolation: isolation } = host;
  if (set(pid, "host") && !/^container:./.test(pid ?? "")) throw invalid(`invalid PID mode: ${pid}`);
  if (set(ipc, "host", "private", "shareable") && !/^container:./.test(ipc ?? ""))
    throw invalid(`invalid IPC mode: ${ipc}`);
  if (set(uts, "host")) throw invalid(`invalid UTS mode: ${uts}`);
  if (set(runtime, "runc", "io.containerd.runc.v2")) throw invalid(`unknown or invalid runtime name: ${runtime}`);
  if (set(isolation, "default")) throw invalid(`invalid isolation (${isolation}): linux only supports 'default'`);
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
