/**
 * Room for what containers remember of their neighbours. The kernel has one table for all namespaces of a host, of 1024 entries
 * unless told otherwise, and forgets at random when that is full: a few containers that speak to a few hundred others each are
 * enough. Our own entries do not count, for they are permanent; those that containers learn do. The limits are those that
 * Docker's overlay driver sets (libnetwork `drivers/overlay/ostweaks_linux.go`).
 */
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { HOST } from "../../kernel/facts.ts";
import type { Kernel } from "../../kernel/kernel.ts";

const LIMITS = { gc_thresh1: 8192, gc_thresh2: 49_152, gc_thresh3: 65_536 } as const;

/**
 * Raises the limits that are lower, never lowers one. They exist in the machine's first namespace only, so elsewhere nothing
 * happens; where they cannot be set, that is logged. Equivalent to: `sysctl -w net.ipv4.neigh.default.gc_thresh3=65536`.
 */
export async function ensureNeighbourRoom(kernel: Pick<Kernel, "readSysctl" | "apply">, log: Log): Promise<void> {
  // The last first: none may be above the next.
  for (const [name, least] of Object.entries(LIMITS).toReversed()) {
    const key = `net/ipv4/neigh/default/${name}`;
    const value = Number(await kernel.readSysctl(HOST, key));
    if (Number.isNaN(value) || value >= least) continue;
    try {
      await kernel.apply([{ action: "ensure", fact: { kind: "sysctl", namespace: HOST, key, value: String(least) } }]);
      log.info({ key, from: value, to: least }, "more neighbours may be remembered");
    } catch (cause) {
      log.warn({ key, err: cause }, `containers may lose sight of each other when there are many: ${messageOf(cause)}`);
    }
  }
}
