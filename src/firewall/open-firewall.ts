/**
 * Opens the backend that was asked for. Where the other one ran before, its rules go: after those of the new one are there,
 * so that no packet meets neither.
 */
import type { Family } from "../addr/ip-address.ts";
import type { Log } from "../base/log.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Store } from "../store/store.ts";
import type { Firewall, Policy } from "./firewall.ts";
import { recordDrops, recordedDrops, setForwardPolicy, type FirewallBackend } from "./forward-drop.ts";
import { GuardedFirewall } from "./guarded.ts";
import { openIptablesFirewall } from "./iptables/backend.ts";
import { Ledger } from "./iptables/ledger.ts";
import { openNftablesFirewall } from "./nftables/backend.ts";
import { hasNftablesRules, removeNftablesRules } from "./nftables/remove.ts";

export interface FirewallOptions {
  readonly backend: FirewallBackend;
  readonly kernel: Kernel;
  readonly store: Store;
  readonly log: Log;
  /** False leaves IPv6 rules alone altogether (`--ip6tables=false`). */
  readonly ip6tables: boolean;
  /** Families for which we switched forwarding on: what nobody accepts is dropped. */
  readonly dropForwarded: readonly Family[];
  /** False, of the nftables backend: no rules in the host's namespace, which is another engine's. */
  readonly hostRules?: boolean;
}

/** Throws `unavailable` when what the backend needs is missing. Changes nothing until `reconcile` or `apply`. */
export async function openFirewall(options: FirewallOptions): Promise<Firewall> {
  const { backend, kernel, store, log, ip6tables, hostRules = true } = options;
  const ranBefore = backend === "nftables" ? hasIptablesRules(options) : await hasNftablesRules(kernel);
  const drops = ranBefore ? [...new Set([...options.dropForwarded, ...recordedDrops(store)])] : options.dropForwarded;
  recordDrops(store, options.dropForwarded);
  const firewall =
    backend === "nftables"
      ? await openNftablesFirewall({ kernel, log, ip6: ip6tables, dropForwarded: drops, hostRules })
      : await openIptablesFirewall({ kernel, log, store, ip6tables, dropForwarded: drops });
  const guarded = new GuardedFirewall(firewall, { kernel, log });
  if (!ranBefore) return guarded;
  return new SuccessorFirewall(guarded, log, (policies) =>
    backend === "nftables" ? removeIptablesRules(options) : removeNftablesRules(kernel, sandboxesOf(policies)),
  );
}

function hasIptablesRules({ store, log }: FirewallOptions): boolean {
  return new Ledger(store, log).scopes().length > 0;
}

/** Its empty chains stay, as they do when dockerd ends: users may have rules in them. */
async function removeIptablesRules({ kernel, log, store, ip6tables }: FirewallOptions): Promise<void> {
  await using old = await openIptablesFirewall({ kernel, log, store, ip6tables });
  await old.reconcile([]);
  for (const family of recordedDrops(store)) {
    if (family === 4 || ip6tables) await setForwardPolicy(kernel, family, "ACCEPT");
  }
}

function sandboxesOf(policies: readonly Policy[]): ReadonlySet<string> {
  return new Set(policies.flatMap((policy) => (policy.kind === "dns-redirect" ? [policy.namespace] : [])));
}

/** A firewall that sweeps up after another once it has reconciled. */
class SuccessorFirewall implements Firewall {
  readonly #firewall: Firewall;
  readonly #log: Log;
  #sweep: ((policies: readonly Policy[]) => Promise<void>) | undefined;

  constructor(firewall: Firewall, log: Log, sweep: (policies: readonly Policy[]) => Promise<void>) {
    this.#firewall = firewall;
    this.#log = log;
    this.#sweep = sweep;
  }

  get backend(): string {
    return this.#firewall.backend;
  }

  async reconcile(policies: readonly Policy[]): Promise<{ readonly added: number; readonly removed: number }> {
    const counts = await this.#firewall.reconcile(policies);
    const sweep = this.#sweep;
    this.#sweep = undefined;
    try {
      await sweep?.(policies);
    } catch (cause) {
      this.#log.error({ err: cause }, "rules of the other firewall backend could not be removed");
    }
    return counts;
  }

  repair(): Promise<{ readonly added: number; readonly removed: number }> {
    return this.#firewall.repair();
  }

  apply(...change: Parameters<Firewall["apply"]>): Promise<void> {
    return this.#firewall.apply(...change);
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#firewall[Symbol.asyncDispose]();
  }
}
