/**
 * What a container's processes use, read from the control group of its main process: version 2 (`cpu.stat`,
 * `memory.current`, `pids.current`) or version 1 (`cpuacct.usage`, `memory.usage_in_bytes`, `pids.current`). Follows the
 * kernel's `admin-guide/cgroup-v2.rst` and `cgroup-v1/`.
 */
import { readFile } from "node:fs/promises";

export interface CgroupUsage {
  /** Processor time used so far, in nanoseconds. */
  readonly cpuNs: bigint;
  /** Bytes; page cache that can be dropped included. */
  readonly memory: bigint;
  readonly inactiveFile: bigint;
  readonly memoryLimit: bigint;
  readonly processes: bigint;
}

const ROOT = "/sys/fs/cgroup";

/** Reads for a process; absent files count as zero, a process that is gone uses nothing. */
export async function cgroupUsage(pid: number): Promise<CgroupUsage> {
  const groups = parseGroups(await read(`/proc/${pid}/cgroup`));
  const unified = groups.get("");
  return unified !== undefined && groups.size === 1 ? usageV2(`${ROOT}${unified}`) : usageV1(groups);
}

/** Processor time of the whole machine so far, in nanoseconds: the sum of /proc/stat's first line, in ticks of 10 ms. */
export async function systemCpuNs(): Promise<bigint> {
  const [line = ""] = (await read("/proc/stat")).split("\n", 1);
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(BigInt);
  return ticks.reduce((sum, value) => sum + value, 0n) * 10_000_000n;
}

/** Lines of `id:controller,controller:/path` by controller; the unified hierarchy has none. */
function parseGroups(text: string): ReadonlyMap<string, string> {
  const lines = text.split("\n").map((line) => /^\d+:([^:]*):(.*)$/.exec(line));
  return new Map(
    lines
      .flatMap((match) => (match?.[1] ?? "").split(",").map((name) => [name, match?.[2] ?? ""] as const))
      .filter(([, path]) => path !== ""),
  );
}

async function usageV2(path: string): Promise<CgroupUsage> {
  const [cpu, memory, statistics, limit, processes] = await Promise.all(
    ["cpu.stat", "memory.current", "memory.stat", "memory.max", "pids.current"].map((file) => read(`${path}/${file}`)),
  );
  return {
    cpuNs: field(cpu, "usage_usec") * 1000n,
    memory: number(memory),
    inactiveFile: field(statistics, "inactive_file"),
    memoryLimit: number(limit),
    processes: number(processes),
  };
}

async function usageV1(groups: ReadonlyMap<string, string>): Promise<CgroupUsage> {
  const file = (controller: string, name: string): Promise<string> =>
    read(`${ROOT}/${controller}${groups.get(controller) ?? ""}/${name}`);
  const [cpu, memory, statistics, limit, processes] = await Promise.all([
    file("cpuacct", "cpuacct.usage"),
    file("memory", "memory.usage_in_bytes"),
    file("memory", "memory.stat"),
    file("memory", "memory.limit_in_bytes"),
    file("pids", "pids.current"),
  ]);
  return {
    cpuNs: number(cpu),
    memory: number(memory),
    inactiveFile: field(statistics, "total_inactive_file"),
    memoryLimit: number(limit),
    processes: number(processes),
  };
}

function field(text: string | undefined, name: string): bigint {
  return number(new RegExp(`^${name} (\\d+)$`, "m").exec(text ?? "")?.[1]);
}

/** Zero for what is no number ("max", absent). */
function number(text: string | undefined): bigint {
  const digits = (text ?? "").trim();
  return /^\d+$/.test(digits) ? BigInt(digits) : 0n;
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return "";
  }
}
