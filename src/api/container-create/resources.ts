/** Limits of a create request to the engine's resources, with dockerd's sentences for what cannot be. */
import { availableParallelism } from "node:os";
import { EngineError } from "../../base/errors.ts";
import type { Resources } from "../../engine/container-spec.ts";
import type { HostConfigRequest } from "../schema/container-bodies.ts";

const LEAST_MEMORY = 6 * 1024 * 1024;

/** Throws `invalid-argument`. */
export function parseResources(host: HostConfigRequest): Resources {
  const nanoCpus = cpusOf(host);
  const { Memory: memory = 0, CpuShares: cpuShares = 0, CpusetCpus: cpusetCpus = "", PidsLimit: pids = 0 } = host;
  if (memory < 0 || (memory > 0 && memory < LEAST_MEMORY)) throw refuse("Minimum memory limit allowed is 6MB");
  if (cpuShares < 0) throw refuse(`invalid CPU shares (${cpuShares}): value must be a positive integer`);
  return {
    ...(memory === 0 ? {} : { memory }),
    ...(nanoCpus === 0 ? {} : { nanoCpus }),
    ...(cpuShares === 0 ? {} : { cpuShares }),
    ...(cpusetCpus === "" ? {} : { cpusetCpus }),
    ...(pids <= 0 ? {} : { pidsLimit: pids }),
    ...ulimitsOf(host),
  };
}

/** `--cpus`, or its older spelling as quota and period (in microseconds). */
function cpusOf(host: HostConfigRequest): number {
  const { NanoCpus: nanoCpus = 0, CpuQuota: quota = 0, CpuPeriod: period = 0 } = host;
  if (nanoCpus > 0 && (quota > 0 || period > 0)) {
    const field = quota > 0 ? "CPU Quota" : "CPU Period";
    throw refuse(`Conflicting options: Nano CPUs and ${field} cannot both be set`);
  }
  const most = availableParallelism();
  if (nanoCpus < 0 || nanoCpus > most * 1e9) {
    const range = `Range of CPUs is from 0.01 to ${most}.00`;
    throw refuse(`${range}, as there are only ${most} CPUs available`);
  }
  return quota > 0 ? Math.round((quota / (period > 0 ? period : 100_000)) * 1e9) : nanoCpus;
}

function ulimitsOf(host: HostConfigRequest): Pick<Resources, "ulimits"> {
  const limits = host.Ulimits ?? [];
  if (limits.length === 0) return {};
  return { ulimits: limits.map(({ Name = "", Soft = 0, Hard = 0 }) => ({ name: Name, soft: Soft, hard: Hard })) };
}

function refuse(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
