/** A sample of what a container uses (Docker API v1.51, `container.StatsResponse`); `docker stats` compares two of them. */
import { availableParallelism, totalmem } from "node:os";
import { formatTimeNs } from "../../base/clock.ts";
import type { Container } from "../../engine/container.ts";
import type { LinkStatistics } from "../../kernel/observation.ts";
import type { CgroupUsage } from "../cgroup-usage.ts";
import { exactInteger } from "./exact-json.ts";

/** Zero everywhere when the container does not run. */
export interface Sample {
  readonly timeNs: bigint;
  readonly usage: CgroupUsage;
  readonly systemCpuNs: bigint;
  readonly links: Readonly<Record<string, LinkStatistics>>;
}

const NO_USAGE: CgroupUsage = { cpuNs: 0n, memory: 0n, inactiveFile: 0n, memoryLimit: 0n, processes: 0n };

/** `previous` is what processor percentages are counted from. */
export function statsView(container: Container, sample: Partial<Sample>, previous: Partial<Sample>) {
  const usage = sample.usage ?? NO_USAGE;
  const limit = usage.memoryLimit === 0n ? BigInt(totalmem()) : minimum(usage.memoryLimit, BigInt(totalmem()));
  const runs = sample.usage !== undefined;
  return {
    name: `/${container.name}`,
    id: container.id,
    read: formatTimeNs(sample.timeNs),
    preread: formatTimeNs(previous.timeNs),
    pids_stats: runs ? { current: exactInteger(usage.processes) } : {},
    blkio_stats: {},
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpuView(sample),
    precpu_stats: cpuView(previous),
    memory_stats: runs ? memoryView(usage, limit) : {},
    ...(sample.links === undefined ? {} : { networks: linksView(sample.links) }),
  };
}

function cpuView({ usage, systemCpuNs }: Partial<Sample>) {
  return {
    cpu_usage: { total_usage: exactInteger(usage?.cpuNs ?? 0n), usage_in_kernelmode: 0, usage_in_usermode: 0 },
    ...(systemCpuNs === undefined
      ? {}
      : { system_cpu_usage: exactInteger(systemCpuNs), online_cpus: availableParallelism() }),
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
  };
}

function memoryView(usage: CgroupUsage, limit: bigint) {
  return {
    usage: exactInteger(usage.memory),
    stats: { inactive_file: exactInteger(usage.inactiveFile) },
    limit: exactInteger(limit),
  };
}

function linksView(links: Readonly<Record<string, LinkStatistics>>) {
  const views = Object.entries(links).map(
    ([name, link]) =>
      [
        name,
        {
          rx_bytes: exactInteger(link.rxBytes),
          rx_packets: exactInteger(link.rxPackets),
          rx_errors: exactInteger(link.rxErrors),
          rx_dropped: exactInteger(link.rxDropped),
          tx_bytes: exactInteger(link.txBytes),
          tx_packets: exactInteger(link.txPackets),
          tx_errors: exactInteger(link.txErrors),
          tx_dropped: exactInteger(link.txDropped),
        },
      ] as const,
  );
  return Object.fromEntries(views);
}

function minimum(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
