/** Either firewall backend over an empty ruleset of the namespace that the process is in. IPv4 alone. */
import { spawnSync } from "node:child_process";
import { silentLog } from "../../src/base/log.ts";
import type { Firewall } from "../../src/firewall/firewall.ts";
import { openIptablesFirewall } from "../../src/firewall/iptables/backend.ts";
import { openNftablesFirewall } from "../../src/firewall/nftables/backend.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { openMemoryStore } from "../../src/store/memory-store.ts";

export async function openBackend(backend: string, kernel: Kernel): Promise<Firewall> {
  spawnSync("nft", ["flush", "ruleset"]);
  const log = silentLog;
  return backend === "nftables"
    ? openNftablesFirewall({ kernel, log, ip6: false })
    : openIptablesFirewall({ kernel, log, store: openMemoryStore(), ip6tables: false });
}
