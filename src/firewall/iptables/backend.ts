/**
 * The firewall over iptables. An ordinary change is one `iptables-restore` run per ruleset (namespace and family) and nothing
 * else: what is there is remembered, not read. Where the memory proves wrong, because somebody flushed or restored rules
 * behind our back, the kernel refuses the run; then the ruleset is read, the change planned from what is there, and run once
 * more. Start-up (`reconcile`) always reads first, and runs nothing where nothing differs.
 */
import { access } from "node:fs/promises";
import { EngineError } from "../../base/errors.ts";
import { KeyedMutex } from "../../base/keyed-mutex.ts";
import { someAtOnce } from "../../base/some-at-once.ts";
import type { Log } from "../../base/log.ts";
import type { Family } from "../../addr/ip-address.ts";
import { HOST } from "../../kernel/facts.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { Store } from "../../store/store.ts";
import type { Firewall, Policy, PolicyChange } from "../firewall.ts";
import { checkPolicy } from "../policy-check.ts";
import { Applied, reversed } from "./applied.ts";
import { countEdits, formatRestore, isEmpty, type Edits } from "./edits.ts";
import { byKey, Ledger, type Transition } from "./ledger.ts";
import { planFromSaved } from "./plan.ts";
import { Programs, XtablesLockError, type ProgramsOptions } from "./programs.ts";
import { scopeOf } from "./render.ts";
import { scopeKey, type Dialect, type Layout, type Scope } from "./rules.ts";

export interface IptablesOptions extends ProgramsOptions {
  readonly kernel: Pick<Kernel, "run">;
  readonly log: Log;
  /** Where ownership is recorded; without it, rules left by an earlier process are never removed. */
  readonly store?: Store;
  /** False leaves IPv6 rules alone altogether (`--ip6tables=false`). */
  readonly ip6tables: boolean;
  /** Families whose FORWARD chain shall drop by default: those for which we switched forwarding on. */
  readonly dropForwarded?: readonly Family[];
}

/** Throws `unavailable` when a program is missing. Changes nothing until `reconcile` or `apply`. */
export async function openIptablesFirewall(options: IptablesOptions): Promise<Firewall> {
  const programs = new Programs(options.kernel, options);
  const dialects: Dialect[] = [];
  for (const family of hostFamilies(options)) dialects.push(await programs.check(family));
  const dialect = { shiftedRanges: dialects.every(({ shiftedRanges }) => shiftedRanges) };
  return new IptablesFirewall(options, programs, dialect);
}

function hostFamilies({ ip6tables }: IptablesOptions): readonly Family[] {
  return ip6tables ? [4, 6] : [4];
}

/** Programs that run side by side at start-up: each waits for the kernel more than it computes. */
const NAMESPACES_AT_ONCE = 8;

function hostScopes(options: IptablesOptions): readonly Scope[] {
  return hostFamilies(options).map((family) => ({ namespace: HOST, family }));
}

class IptablesFirewall implements Firewall {
  readonly backend = "iptables";
  readonly #options: IptablesOptions;
  readonly #programs: Programs;
  readonly #dialect: Dialect;
  readonly #ledger: Ledger;
  readonly #mutex = new KeyedMutex();
  /** What we believe holds, per scope; a scope that is absent was never touched. */
  readonly #applied = new Map<string, Applied>();
  #closed = false;

  constructor(options: IptablesOptions, programs: Programs, dialect: Dialect) {
    this.#options = options;
    this.#programs = programs;
    this.#dialect = dialect;
    this.#ledger = new Ledger(options.store, options.log, dialect);
  }

  async reconcile(policies: readonly Policy[]): Promise<{ readonly added: number; readonly removed: number }> {
    const wanted = this.#accept(policies);
    const host = hostScopes(this.#options);
    const ours = this.#ledger.scopes().filter((scope) => scope.namespace !== HOST);
    const scopes = distinct([...host, ...ours, ...wanted.map(scopeOf)]);
    return this.#mutex.run(scopes.map(scopeKey), async () => {
      const total = { added: 0, removed: 0 };
      await someAtOnce(byNamespace(scopes), NAMESPACES_AT_ONCE, async (together) => {
        for (const scope of together) {
          const { added, removed } = await this.#reconcileScope(scope, inScope(wanted, scope));
          total.added += added;
          total.removed += removed;
        }
      });
      return total;
    });
  }

  async repair(): Promise<{ readonly added: number; readonly removed: number }> {
    const total = { added: 0, removed: 0 };
    for (const scope of hostScopes(this.#options)) {
      const { added, removed } = await this.#mutex.run([scopeKey(scope)], async () => {
        const applied = this.#applied.get(scopeKey(scope));
        if (applied === undefined) return { added: 0, removed: 0 };
        return this.#reconcileScope(scope, applied.policies);
      });
      total.added += added;
      total.removed += removed;
    }
    return total;
  }

  async apply(change: PolicyChange): Promise<void> {
    const add = this.#accept(change.add);
    const remove = this.#accept(change.remove);
    const scopes = distinct([...add, ...remove].map(scopeOf));
    await this.#mutex.run(scopes.map(scopeKey), async () => {
      const undo: (() => Promise<void>)[] = [];
      for (const scope of scopes) {
        const applied = this.#applied.get(scopeKey(scope)) ?? this.#newApplied(scope);
        const changed = applied.transitions(inScope(add, scope), inScope(remove, scope));
        try {
          await this.#change(applied, changed);
        } catch (cause) {
          await this.#undoAll(undo);
          throw cause;
        }
        undo.push(() => this.#change(applied, changed.map(reversed)));
      }
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  /** The policies that are ours to carry out, checked. */
  #accept(policies: readonly Policy[]): readonly Policy[] {
    if (this.#closed) throw new EngineError("unavailable", "the firewall is closed");
    policies.forEach(checkPolicy);
    return policies.filter(
      (policy) => policy.kind === "dns-redirect" || policy.family === 4 || this.#options.ip6tables,
    );
  }

  async #reconcileScope(
    scope: Scope,
    wanted: ReadonlyMap<string, Policy>,
  ): Promise<{ added: number; removed: number }> {
    const keys = this.#ledger.keys(scope);
    const all = [...new Set([...keys, ...wanted.keys()])].map((key): Transition => {
      const after = wanted.get(key);
      return { key, ...(after === undefined ? {} : { after }) };
    });
    if (wanted.size === 0 && (await isGone(scope))) {
      this.#ledger.settle(all, "after");
      return { added: 0, removed: 0 };
    }
    this.#ledger.announce(all);
    const applied = this.#newApplied(scope, wanted.values());
    try {
      const edits = await this.#lookAndRun(applied, applied.layout(), all);
      this.#ledger.settle(all, "after");
      this.#remember(applied);
      return countEdits(edits);
    } catch (cause) {
      throw EngineError.wrap(cause, describe(scope));
    }
  }

  async #change(applied: Applied, changed: readonly Transition[]): Promise<void> {
    const { scope } = applied;
    if (changed.length === 0 && this.#isKnown(scope)) return;
    if (applied.sizeAfter(changed) > 0 || !(await isGone(scope))) {
      this.#ledger.announce(changed);
      await this.#run(applied, changed);
    }
    this.#ledger.settle(changed, "after");
    applied.accept(changed);
    this.#remember(applied);
  }

  /** Carries the change out or brings back what was before, and throws. */
  async #run(applied: Applied, changed: readonly Transition[]): Promise<void> {
    const { scope } = applied;
    try {
      if (this.#isKnown(scope)) return await this.#restore(scope, applied.plan(changed));
    } catch (cause) {
      this.#options.log.warn({ ...scope, err: cause }, "firewall rules are not as we left them; looking again");
      if (cause instanceof XtablesLockError) {
        this.#ledger.settle(changed, "before");
        throw EngineError.wrap(cause, describe(scope));
      }
    }
    try {
      await this.#lookAndRun(applied, applied.layout(changed), changed);
    } catch (cause) {
      await this.#bringBack(applied, changed);
      throw EngineError.wrap(cause, describe(scope));
    }
  }

  /** A run may have failed between its tables; what it did goes, what it undid returns. */
  async #bringBack(applied: Applied, changed: readonly Transition[]): Promise<void> {
    try {
      await this.#lookAndRun(applied, applied.layout(), changed);
      this.#ledger.settle(changed, "before");
    } catch (cause) {
      this.#options.log.error({ ...applied.scope, err: cause }, "earlier firewall rules could not be brought back");
    }
  }

  async #lookAndRun(applied: Applied, layout: Layout, changed: readonly Transition[]): Promise<Edits> {
    const owned = this.#ledger.owned(changed.map(({ key }) => key));
    const saved = await this.#programs.save(applied.scope);
    const edits = planFromSaved(saved, layout, owned);
    await this.#restore(applied.scope, edits);
    applied.saw(saved, layout, owned);
    return edits;
  }

  async #restore(scope: Scope, edits: Edits): Promise<void> {
    if (isEmpty(edits)) return;
    await this.#programs.restore(scope, formatRestore(edits));
    this.#options.log.debug({ ...scope, ...countEdits(edits) }, "firewall rules changed");
  }

  #newApplied(scope: Scope, policies: Iterable<Policy> = []): Applied {
    const dropForwarded = this.#options.dropForwarded?.includes(scope.family) ?? false;
    return new Applied(scope, { dropForwarded, dialect: this.#dialect }, policies);
  }

  /** A sandbox's namespace begins empty; the host's must be seen once. */
  #isKnown(scope: Scope): boolean {
    return scope.namespace !== HOST || this.#applied.has(scopeKey(scope));
  }

  #remember(applied: Applied): void {
    const { scope, policies } = applied;
    if (scope.namespace !== HOST && policies.size === 0) this.#applied.delete(scopeKey(scope));
    else this.#applied.set(scopeKey(scope), applied);
  }

  async #undoAll(undo: readonly (() => Promise<void>)[]): Promise<void> {
    for (const step of undo.toReversed()) {
      try {
        await step();
      } catch (cause) {
        this.#options.log.error({ err: cause }, "a firewall change could not be taken back");
      }
    }
  }
}

function inScope(policies: readonly Policy[], scope: Scope): Map<string, Policy> {
  return byKey(policies.filter((policy) => scopeKey(scopeOf(policy)) === scopeKey(scope)));
}

function distinct(scopes: readonly Scope[]): readonly Scope[] {
  return [...new Map(scopes.map((scope) => [scopeKey(scope), scope])).values()];
}

/** Scopes that share a namespace share its xtables lock, and are done one after the other. */
function byNamespace(scopes: readonly Scope[]): readonly (readonly Scope[])[] {
  return [...Map.groupBy(scopes, ({ namespace }) => namespace).values()];
}

/** Whether a sandbox's namespace no longer exists, and its rules with it. */
async function isGone({ namespace }: Scope): Promise<boolean> {
  if (namespace === HOST) return false;
  return access(namespace).then(
    () => false,
    () => true,
  );
}

function describe({ namespace, family }: Scope): string {
  return `change IPv${family} firewall rules in ${namespace === HOST ? "the host's namespace" : namespace}`;
}
