/**
 * When the kernel is to forward packets, and what follows: a host that was no router until we made it one drops by default
 * what nobody accepts (dockerd's rule). IPv4 and IPv6 each when the first network needs it, never before: a host that forwards
 * IPv6 stops heeding router advertisements, and may lose its own address.
 */
import type { Family } from "../addr/ip-address.ts";
import { dropForwarded, recordDrops, type FirewallBackend } from "../firewall/forward-drop.ts";
import { enableForwarding } from "../firewall/forwarding.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Store } from "../store/store.ts";
import type { NetworkSettings } from "./options.ts";
import { RecordReader } from "../store/record-reader.ts";
import { NETWORKS } from "./records.ts";

/** The families that the networks of the settings and of the store need, none with `--ip-forward=false`. */
export function familiesToForward(settings: NetworkSettings, store: Store): readonly Family[] {
  if (!settings.ipForward) return [];
  const stored = store.list(NETWORKS).map(({ value }) => new RecordReader(value, "network"));
  const { defaultBridge } = settings;
  const needs4 = defaultBridge !== undefined || stored.some((record) => routes(record, "enableIPv4"));
  const needs6 = defaultBridge?.ipv6 === true || stored.some((record) => routes(record, "enableIPv6"));
  return [...(needs4 ? ([4] as const) : []), ...(needs6 ? ([6] as const) : [])];
}

/** Records that cannot be read need nothing; whoever loads them says what is wrong. */
function routes(record: RecordReader, flag: "enableIPv4" | "enableIPv6"): boolean {
  try {
    const hasPools = record.field("pools").list((pool) => pool).length > 0;
    return hasPools && record.field(flag).flag() && !record.field("internal").flag();
  } catch {
    return false;
  }
}

/** What forwarding is switched on with, and closed by. */
export interface ForwardingParts {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly backend: FirewallBackend;
}

/**
 * For a network made later. `drops` are the families whose rules are ours. Equivalent to: `sysctl -w net.ipv4.ip_forward=1`
 * (`net.ipv6.conf.all.forwarding=1`) and, only where that was off, `iptables -P FORWARD DROP` (`ip6tables`).
 */
export async function forwardLater(parts: ForwardingParts, family: Family, drops: readonly Family[]): Promise<void> {
  const { kernel, store, backend } = parts;
  const switchedOn = await enableForwarding(kernel, [family]);
  if (switchedOn.length === 0 || !drops.includes(family)) return;
  recordDrops(store, [family]);
  await dropForwarded(kernel, backend, family);
}
