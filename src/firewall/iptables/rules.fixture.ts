/** What the tests of the iptables backend share: shell, the rules as iptables-save prints them, and an emptied namespace. */
import { execFileSync, spawnSync } from "node:child_process";
import { silentLog } from "../../base/log.ts";
import { openMemoryStore } from "../../store/memory-store.ts";
import { openIptablesFirewall, type IptablesOptions } from "./backend.ts";
import { ProcessKernel } from "./process-kernel.fixture.ts";

export function sh(command: string, input = ""): string {
  return execFileSync("sh", ["-ec", command], { encoding: "utf8", input, stdio: "pipe" });
}

/** Rules of a table as iptables-save prints them, without counters, comments and chain lines. */
export function rules(command = "iptables-save"): string[] {
  return sh(command)
    .split("\n")
    .filter((line) => line.startsWith("-A"));
}

export function chain(name: string, command?: string): string[] {
  return rules(command).filter((line) => line.startsWith(`-A ${name} `));
}

export function flush(variant = ""): void {
  for (const program of [`iptables${variant}`, `ip6tables${variant}`])
    sh(
      `for t in filter nat raw mangle; do ${program} -t $t -F; ${program} -t $t -X; done; ${program} -P FORWARD ACCEPT`,
    );
}

/** A backend over an empty record; its runs are counted from here on. */
export async function open(rest: Partial<IptablesOptions> = {}) {
  const kernel = new ProcessKernel();
  const store = openMemoryStore();
  const firewall = await openIptablesFirewall({ kernel, log: silentLog, store, ip6tables: true, ...rest });
  kernel.runs.length = 0;
  return { kernel, store, firewall };
}

export const LEGACY = {
  4: { save: "iptables-legacy-save", restore: "iptables-legacy-restore" },
  6: { save: "ip6tables-legacy-save", restore: "ip6tables-legacy-restore" },
};
export const hasLegacy = spawnSync("sh", ["-c", "iptables-legacy -L -n && ip6tables-legacy -L -n"]).status === 0;
