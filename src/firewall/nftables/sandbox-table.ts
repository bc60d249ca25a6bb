/**
 * The table of one sandbox: made and removed as a whole, each in one transaction that does not depend on what was there. A
 * sandbox whose namespace is gone has no table.
 */
import { constants } from "node:os";
import { sameAddress } from "../../addr/ip-address.ts";
import type { NamespaceRef } from "../../kernel/facts.ts";
import { KernelError } from "../../kernel/kernel-error.ts";
import type { NftTable } from "../../kernel/nftables/ruleset.ts";
import type { DnsRedirect, Policy, PolicyChange } from "../firewall.ts";
import { DNS_TABLE, dnsTable, removeDnsTable, replaceDnsTable } from "./dns-table.ts";
import type { NftablesOptions } from "./options.ts";
import { planTable } from "./plan.ts";

export class SandboxTable {
  readonly namespace: NamespaceRef;
  readonly #kernel: NftablesOptions["kernel"];
  #policy: DnsRedirect | undefined;

  constructor(kernel: NftablesOptions["kernel"], namespace: NamespaceRef) {
    this.#kernel = kernel;
    this.namespace = namespace;
  }

  get isEmpty(): boolean {
    return this.#policy === undefined;
  }

  async reconcile(policies: readonly Policy[]): Promise<{ readonly added: number; readonly removed: number }> {
    const wanted = redirectIn(policies);
    if (wanted === undefined) {
      const found = await unlessGone(() => this.#kernel.readNftables(this.namespace, DNS_TABLE));
      if (found !== undefined) await this.#send(undefined);
      this.#policy = undefined;
      return { added: 0, removed: found === undefined ? 0 : countRules(found) };
    }
    const plan = planTable(await this.#kernel.readNftables(this.namespace, DNS_TABLE), dnsTable(wanted));
    if (plan.changes.length > 0) await this.#kernel.changeNftables(this.namespace, plan.changes);
    this.#policy = wanted;
    return plan;
  }

  /** Changes all or nothing, and returns what takes the change back. */
  async change({ add, remove }: PolicyChange): Promise<() => Promise<void>> {
    const old = this.#policy;
    const wanted = redirectIn(add) ?? (remove.length > 0 ? undefined : old);
    await this.#become(wanted);
    return () => this.#become(old);
  }

  async #become(wanted: DnsRedirect | undefined): Promise<void> {
    if (wanted !== undefined && isSame(wanted, this.#policy)) return;
    await this.#send(wanted);
    this.#policy = wanted;
  }

  async #send(wanted: DnsRedirect | undefined): Promise<void> {
    if (wanted === undefined) await unlessGone(() => this.#kernel.changeNftables(this.namespace, removeDnsTable()));
    else await this.#kernel.changeNftables(this.namespace, replaceDnsTable(wanted));
  }
}

function isSame(a: DnsRedirect, b: DnsRedirect | undefined): boolean {
  return b !== undefined && a.udpPort === b.udpPort && a.tcpPort === b.tcpPort && sameAddress(a.address, b.address);
}

function redirectIn(policies: readonly Policy[]): DnsRedirect | undefined {
  return policies.findLast((policy) => policy.kind === "dns-redirect");
}

function countRules({ chains }: NftTable): number {
  return chains.reduce((sum, { rules }) => sum + rules.length, 0);
}

/** Undefined when the namespace no longer exists; nothing else that we ask for can be missing. */
async function unlessGone<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof KernelError && cause.errno === constants.errno.ENOENT) return undefined;
    throw cause;
  }
}
