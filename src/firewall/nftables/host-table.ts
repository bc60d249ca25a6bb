/**
 * Our table of one family in the host's namespace: what it holds as far as we know, and how that is changed. A transaction
 * that the kernel refuses has changed nothing; then the table is read once and mended.
 */
import type { Log } from "../../base/log.ts";
import type { Family } from "../../addr/ip-address.ts";
import { HOST } from "../../kernel/facts.ts";
import type { NftChange, NftTable } from "../../kernel/nftables/ruleset.ts";
import { policyKey, type Policy, type PolicyChange } from "../firewall.ts";
import { frame, TABLE } from "./frame.ts";
import { Holdings } from "./holdings.ts";
import type { NftablesOptions } from "./options.ts";
import { elementChanges, filled, planTable, type Plan } from "./plan.ts";

export class HostTable {
  readonly #kernel: NftablesOptions["kernel"];
  readonly #log: Log;
  readonly #family: Family;
  readonly #frame: NftTable;
  #holdings = new Holdings();
  /** Whether the kernel's table was once seen to be what we hold. */
  #isKnown = false;

  constructor({ kernel, log, dropForwarded = [] }: NftablesOptions, family: Family) {
    this.#kernel = kernel;
    this.#log = log;
    this.#family = family;
    this.#frame = frame(family, dropForwarded.includes(family));
  }

  /** The policies hold, and no others; what was there is left where it is right. */
  async reconcile(policies: readonly Policy[]): Promise<Plan> {
    const holdings = new Holdings();
    holdings.change([], policies);
    const plan = await this.#mend(holdings);
    this.#holdings = holdings;
    return plan;
  }

  /** What we hold is there again. Nothing is done before the first reconciliation. */
  async repair(): Promise<Pick<Plan, "added" | "removed">> {
    return this.#isKnown ? this.#mend(this.#holdings) : { added: 0, removed: 0 };
  }

  /** Changes all or nothing, and returns what takes the change back. */
  async change({ add, remove }: PolicyChange): Promise<() => Promise<void>> {
    const touched = [...new Set([...remove, ...add].map(policyKey))];
    const old = touched.flatMap((key) => this.#holdings.get(key) ?? []);
    await this.#become(touched, add, old);
    return () => this.#become(touched, old, add);
  }

  /** Of the keys, exactly the policies given hold afterwards; when that fails, `old` as before. */
  async #become(keys: readonly string[], policies: readonly Policy[], old: readonly Policy[]): Promise<void> {
    const change = this.#holdings.change(keys, policies);
    try {
      await this.#sendOrMend(elementChanges(this.#frame, change));
    } catch (cause) {
      this.#holdings.change(keys, old);
      throw cause;
    }
  }

  async #sendOrMend(changes: readonly NftChange[]): Promise<void> {
    if (this.#isKnown) {
      try {
        if (changes.length > 0) await this.#kernel.changeNftables(HOST, changes);
        return;
      } catch (cause) {
        this.#log.warn({ family: this.#family, err: cause }, "firewall rules are not as we left them; looking again");
      }
    }
    await this.#mend(this.#holdings);
  }

  /** Reads what is there and changes what differs. */
  async #mend(holdings: Holdings): Promise<Plan> {
    const wanted = filled(this.#frame, holdings.elements());
    const plan = planTable(await this.#kernel.readNftables(HOST, { family: this.#family, table: TABLE }), wanted);
    if (plan.changes.length > 0) await this.#kernel.changeNftables(HOST, plan.changes);
    this.#isKnown = true;
    return plan;
  }
}
