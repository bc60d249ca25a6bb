/** Whether a container that ended by itself is started again, and after how long: Docker's policies and its back-off. */
import type { ContainerRecord } from "./container-record.ts";

const FIRST_MS = 100;
const MOST_MS = 60_000;
/** A run this long was a success; the next failure begins the back-off anew. */
const GOOD_RUN_SECONDS = 10;

/** Undefined: it stays down. `seconds` is how long it ran. */
export function nextRestart(
  record: Pick<ContainerRecord, "spec" | "restartCount">,
  exitCode: number,
  seconds: number,
): { readonly delayMs: number } | undefined {
  const { name, maximumRetries } = record.spec.restartPolicy;
  if (name === "no") return undefined;
  if (name === "on-failure") {
    if (exitCode === 0) return undefined;
    if (maximumRetries > 0 && record.restartCount >= maximumRetries) return undefined;
  }
  const failures = seconds >= GOOD_RUN_SECONDS ? 0 : Math.min(record.restartCount, 20);
  return { delayMs: Math.min(FIRST_MS * 2 ** failures, MOST_MS) };
}

/** Whether a container that is down when the engine opens is started with it. */
export function startsWithEngine(record: ContainerRecord): boolean {
  const { name } = record.spec.restartPolicy;
  const { state } = record;
  if (state.status !== "exited" && state.status !== "restarting") return false;
  if (name === "always") return true;
  if (name === "unless-stopped") return !record.manuallyStopped;
  return name === "on-failure" && !record.manuallyStopped && state.exitCode !== 0;
}
