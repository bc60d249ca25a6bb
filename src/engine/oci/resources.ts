/** Limits of one container as the OCI runtime wants them, on cgroup v1 and v2 alike. */
import { existsSync } from "node:fs";
import type { Resources } from "../container-spec.ts";
import { ALL_DEVICES, DEFAULT_RULES } from "./devices.ts";
import type { ProcessSpec, RuntimeResources } from "./runtime-spec.ts";

/** Microseconds of one CFS period. */
const PERIOD_US = 100_000;

export interface CgroupFacts {
  /** cgroup v2 alone is mounted. */
  readonly unified: boolean;
  /** The kernel accounts swap, so that a memory limit can cover it. */
  readonly swapLimit: boolean;
}

/** Reads what this host's cgroups can do. */
export function cgroupFacts(root = "/sys/fs/cgroup"): CgroupFacts {
  const unified = existsSync(`${root}/cgroup.controllers`);
  return { unified, swapLimit: unified || existsSync(`${root}/memory/memory.memsw.limit_in_bytes`) };
}

/** Absent and zero limits are left out. Memory plus swap may be twice the memory, Docker's default. */
export function runtimeResources(resources: Resources, privileged: boolean, facts: CgroupFacts): RuntimeResources {
  const { memory, nanoCpus, cpuShares, cpusetCpus, pidsLimit } = resources;
  const cpu = {
    ...(positive(cpuShares) ? { shares: cpuShares } : {}),
    ...(positive(nanoCpus) ? { quota: Math.round((nanoCpus * PERIOD_US) / 1e9), period: PERIOD_US } : {}),
    ...(cpusetCpus === undefined || cpusetCpus === "" ? {} : { cpus: cpusetCpus }),
  };
  return {
    devices: privileged ? ALL_DEVICES : DEFAULT_RULES,
    ...(positive(memory) ? { memory: { limit: memory, ...(facts.swapLimit ? { swap: memory * 2 } : {}) } } : {}),
    ...(Object.keys(cpu).length > 0 ? { cpu } : {}),
    ...(positive(pidsLimit) ? { pids: { limit: pidsLimit } } : {}),
  };
}

/** `nofile` becomes `RLIMIT_NOFILE`. */
export function rlimits(resources: Resources): NonNullable<ProcessSpec["rlimits"]> {
  return (resources.ulimits ?? []).map(({ name, soft, hard }) => ({
    type: `RLIMIT_${name.toUpperCase()}`,
    soft,
    hard,
  }));
}

function positive(value: number | undefined): value is number {
  return value !== undefined && value > 0;
}
