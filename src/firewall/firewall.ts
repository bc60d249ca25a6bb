/**
 * The firewall as data. Policies say what a network or a sandbox needs of packet filtering and NAT, in the model's words; a
 * backend turns them into the rules of iptables or nftables, and applies a difference in one transaction per family.
 *
 * What a backend promises: a change is applied whole or not at all; rules and chains that are not ours are never touched,
 * nor is their order relative to each other; users' rules in DOCKER-USER and in DOCKER survive everything.
 */
import type { Family, IpAddress } from "../addr/ip-address.ts";
import type { Prefix } from "../addr/prefix.ts";
import type { NamespaceRef } from "../kernel/facts.ts";

export type Policy = BridgePolicy | DnsRedirect;

/** What one bridge network needs, per address family. Key: bridge and family. */
export interface BridgePolicy {
  readonly kind: "bridge";
  readonly family: Family;
  /** Link name of the bridge. */
  readonly bridge: string;
  readonly subnet: Prefix;
  /** Containers reach each other (enable_icc). */
  readonly icc: boolean;
  /** No traffic enters or leaves the bridge's subnet. */
  readonly internal: boolean;
  /** How outgoing packets are disguised. */
  readonly masquerade: "none" | "masquerade" | { readonly snat: IpAddress };
}

/** Inside a sandbox: port 53 of the resolver's address leads to the ports that really serve it. Key: namespace. */
export interface DnsRedirect {
  readonly kind: "dns-redirect";
  readonly namespace: NamespaceRef;
  /** 127.0.0.11. */
  readonly address: IpAddress;
  readonly udpPort: number;
  readonly tcpPort: number;
}

/** Equal keys: one place in the ruleset, so two policies with one key are a change of one thing. */
export function policyKey(policy: Policy): string {
  return policy.kind === "bridge" ? `bridge ${policy.bridge} ${policy.family}` : `dns-redirect ${policy.namespace}`;
}

export interface Firewall extends AsyncDisposable {
  /** "iptables" or "nftables", for `docker info`. */
  readonly backend: string;

  /**
   * Start-up and repair: makes the ruleset be exactly that of `policies` (plus the frame: DOCKER-USER, the jumps), as a
   * difference to what the kernel has, never a flush. Returns how many rules had to be added and removed.
   */
  reconcile(policies: readonly Policy[]): Promise<{ readonly added: number; readonly removed: number }>;

  /**
   * One change: `remove` no longer holds, `add` holds from now on; one transaction per namespace and family. Adding what is
   * there and removing what is gone succeed.
   */
  apply(change: PolicyChange): Promise<void>;
}

export interface PolicyChange {
  readonly add: readonly Policy[];
  readonly remove: readonly Policy[];
}
