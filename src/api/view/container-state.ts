/** A container's state in Docker's words: the `State` of inspect, and the `State` and `Status` columns of `docker ps`. */
import { formatTimeNs } from "../../base/clock.ts";
import type { ContainerState } from "../../engine/container.ts";
import { humanDuration } from "./duration.ts";

export type StateWord = "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";

/** What could not start stays "created", as in Docker. */
export function stateWord(state: ContainerState): StateWord {
  return state.status === "exited" && state.startedNs === undefined ? "created" : state.status;
}

/** "Up 3 seconds", "Exited (0) 2 minutes ago". */
export function statusText(state: ContainerState, nowNs: bigint): string {
  const since = (ns: bigint): string => humanDuration(Number((nowNs - ns) / 1_000_000n));
  switch (state.status) {
    case "created":
      return "Created";
    case "running":
      return `Up ${since(state.startedNs)}`;
    case "paused":
      return `Up ${since(state.startedNs)} (Paused)`;
    case "restarting":
      return `Restarting (${state.exitCode}) ${since(state.finishedNs)} ago`;
    case "removing":
      return "Removal In Progress";
    case "exited":
      return state.startedNs === undefined ? "Created" : `Exited (${state.exitCode}) ${since(state.finishedNs)} ago`;
  }
}

export function exitCodeOf(state: ContainerState): number {
  return "exitCode" in state ? state.exitCode : 0;
}

export function stateView(state: ContainerState) {
  const startedNs = "startedNs" in state ? state.startedNs : undefined;
  const started = startedNs !== undefined;
  return {
    Status: stateWord(state),
    Running: state.status === "running" || state.status === "paused" || state.status === "restarting",
    Paused: state.status === "paused",
    Restarting: state.status === "restarting",
    OOMKilled: state.status === "exited" && state.oomKilled,
    Dead: false,
    Pid: "pid" in state ? state.pid : 0,
    ExitCode: exitCodeOf(state),
    Error: state.status === "exited" ? (state.error ?? "") : "",
    StartedAt: formatTimeNs(startedNs),
    FinishedAt: formatTimeNs(started && "finishedNs" in state ? state.finishedNs : undefined),
  };
}
