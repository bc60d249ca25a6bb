/**
 * A firewall in memory for tests of the layers above. It keeps the interface's promises (see `firewall.contract.ts`), refuses
 * what the real ones refuse, and can be told to fail. Policies are counted as the rules that they would be.
 */
import { EngineError } from "../base/errors.ts";
import { policyKey, type Firewall, type Policy, type PolicyChange } from "./firewall.ts";
import { blocksOf } from "./iptables/render.ts";
import { checkPolicy } from "./policy-check.ts";

export class FakeFirewall implements Firewall {
  readonly backend = "fake";
  /** Every successful change, oldest first. */
  readonly changes: PolicyChange[] = [];
  readonly #policies = new Map<string, Policy>();
  #failure: Error | undefined;
  #closed = false;

  /** What holds now, in order of first addition. */
  policies(): readonly Policy[] {
    return [...this.#policies.values()];
  }

  /** The next change or reconciliation fails with this and changes nothing. */
  failNext(error: Error = new EngineError("internal", "iptables-restore ended with status 4")): void {
    this.#failure = error;
  }

  /** Throws when a policy is left: for the end of a test. */
  assertEmpty(): void {
    if (this.#policies.size > 0) throw new Error(`firewall policies left: ${[...this.#policies.keys()].join(", ")}`);
  }

  async reconcile(policies: readonly Policy[]): Promise<{ readonly added: number; readonly removed: number }> {
    this.#accept(policies);
    const before = new Set(this.policies().flatMap(ruleTexts));
    const after = new Set(policies.flatMap(ruleTexts));
    this.#policies.clear();
    for (const policy of policies) this.#policies.set(policyKey(policy), policy);
    return Promise.resolve({ added: after.difference(before).size, removed: before.difference(after).size });
  }

  /** Nobody else can get at it. */
  async repair(): Promise<{ readonly added: number; readonly removed: number }> {
    return Promise.resolve({ added: 0, removed: 0 });
  }

  async apply(change: PolicyChange): Promise<void> {
    this.#accept([...change.add, ...change.remove]);
    for (const policy of change.remove) this.#policies.delete(policyKey(policy));
    for (const policy of change.add) this.#policies.set(policyKey(policy), policy);
    this.changes.push(change);
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #accept(policies: readonly Policy[]): void {
    if (this.#closed) throw new EngineError("unavailable", "the firewall is closed");
    policies.forEach(checkPolicy);
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }
}

function ruleTexts(policy: Policy): readonly string[] {
  return blocksOf(policy).flatMap(({ table, chain, texts }) =>
    texts.map((text) => `${policyKey(policy)} ${table} ${chain} ${text}`),
  );
}
