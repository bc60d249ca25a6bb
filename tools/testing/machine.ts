/**
 * What the test suite must leave as it found it: the machine's links, firewall rules, mounts, named namespaces and processes
 * of ours. Taken before and after a run; a difference is a failed test.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** An environment entry that every process of this run inherits. */
export const RUN_MARK = `CAUSEWAY_TEST_RUN=${process.pid}-${Date.now()}`;

export type MachineState = ReadonlyMap<string, readonly string[]>;

const LOOKS: Readonly<Record<string, readonly string[]>> = {
  "ip link": ["ip", "-o", "link"],
  "ip netns": ["ip", "netns"],
  "iptables-save": ["iptables-save"],
  "ip6tables-save": ["ip6tables-save"],
};

/** Looks at the machine; a program that is absent shows nothing. */
export function lookAtMachine(): MachineState {
  const state = new Map<string, readonly string[]>();
  for (const [name, [program = "", ...args]] of Object.entries(LOOKS)) {
    const { stdout } = spawnSync(program, args, { encoding: "utf8", timeout: 10_000 });
    state.set(name, meaningful(stdout ?? ""));
  }
  state.set("mount", readFileSync("/proc/self/mounts", "utf8").trim().split("\n").sort());
  state.set("processes", markedProcesses());
  return state;
}

/** One line per thing that appeared or went; empty when all is as before. */
export function machineChanges(before: MachineState, after: MachineState): readonly string[] {
  return [...after].flatMap(([name, lines]) => {
    const old = new Set(before.get(name) ?? []);
    const now = new Set(lines);
    const appeared = [...now].filter((line) => !old.has(line)).map((line) => `${name}: appeared: ${line}`);
    const gone = [...old].filter((line) => !now.has(line)).map((line) => `${name}: gone: ${line}`);
    return [...appeared, ...gone];
  });
}

/** Without what changes by itself: comments with times, and packet counters. */
function meaningful(text: string): readonly string[] {
  const lines = text.split("\n").map((line) => line.replace(/\[\d+:\d+\]/, "").trim());
  return lines.filter((line) => line !== "" && !line.startsWith("#"));
}

/** Processes that descend from this run, by the mark that they inherited: however far they detached themselves. */
function markedProcesses(): readonly string[] {
  const lines: string[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(RUN_MARK)) continue;
      lines.push(`${pid} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim()}`);
    } catch {
      // It ended while we looked, or is not ours to look at.
    }
  }
  return lines.sort();
}
