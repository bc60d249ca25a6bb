/**
 * The other half of switching forwarding on: a host that was no router until we made it one drops what nobody accepts. Which
 * families that was is kept in the store, because a change of backends has to move it: packets need the consent of both.
 */
import type { Family } from "../addr/ip-address.ts";
import { EngineError } from "../base/errors.ts";
import { HOST } from "../kernel/facts.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Store } from "../store/store.ts";
import { forwardChain, TABLE } from "./nftables/frame.ts";

export type FirewallBackend = "iptables" | "nftables";

const COLLECTION = "forward-drop";

/** Equivalent to: `iptables -P FORWARD DROP`, or `nft chain ip causeway forward '{ policy drop; }'`. */
export async function dropForwarded(
  kernel: Pick<Kernel, "run" | "changeNftables">,
  backend: FirewallBackend,
  family: Family,
): Promise<void> {
  if (backend === "iptables") return setForwardPolicy(kernel, family, "DROP");
  const at = { family, table: TABLE } as const;
  await kernel.changeNftables(HOST, [
    { ...at, change: "add-table" },
    { ...at, change: "add-chain", chain: forwardChain(true) },
  ]);
}

/** Equivalent to: `iptables -P FORWARD ACCEPT`. */
export async function setForwardPolicy(
  kernel: Pick<Kernel, "run">,
  family: Family,
  policy: "DROP" | "ACCEPT",
): Promise<void> {
  const program = family === 4 ? "iptables" : "ip6tables";
  const result = await kernel.run(HOST, [program, "--wait", "5", "-P", "FORWARD", policy]);
  if (result.exitCode === 0) return;
  throw new EngineError("internal", `${program} -P FORWARD ${policy}: ${result.stderr.trim()}`);
}

export function recordDrops(store: Store, families: readonly Family[]): void {
  const fresh = families.filter((family) => store.get(COLLECTION, String(family)) === undefined);
  if (fresh.length > 0) store.commit(fresh.map((family) => ({ put: COLLECTION, id: String(family), value: true })));
}

export function recordedDrops(store: Store): readonly Family[] {
  return ([4, 6] as const).filter((family) => store.get(COLLECTION, String(family)) !== undefined);
}
