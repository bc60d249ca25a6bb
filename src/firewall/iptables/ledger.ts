/**
 * Which rules are ours. Rules carry no mark, so ownership is this record: the exact text of every rule that we applied or were
 * about to apply, per policy, kept in the store's collection "firewall". It is written before the kernel is touched, with the
 * old rules and the new, and again with the new alone once the kernel took them; so whatever a crash leaves behind is in it.
 *
 * Without a store the record lives as long as the process, and rules found at start are ours only where they are wanted.
 */
import { isDeepStrictEqual } from "node:util";
import type { Family } from "../../addr/ip-address.ts";
import type { Change, Json, Store } from "../../store/store.ts";
import type { Log } from "../../base/log.ts";
import { policyKey, type Policy } from "../firewall.ts";
import { blocksOf, scopeOf } from "./render.ts";
import { MODERN, ruleKey, rulesOf, scopeKey, TABLES, type Dialect, type Rule, type Scope } from "./rules.ts";

const COLLECTION = "firewall";

interface Entry {
  readonly scope: Scope;
  readonly rules: readonly Rule[];
}

/** One policy's place in a change: what was there, what shall be. */
export interface Transition {
  readonly key: string;
  readonly before?: Policy;
  readonly after?: Policy;
}

export class Ledger {
  readonly #store: Store | undefined;
  readonly #dialect: Dialect;
  readonly #entries = new Map<string, Entry>();

  /** Reads the record. An entry that cannot be read is logged and left out: its rules then count as somebody else's. */
  constructor(store: Store | undefined, log: Log, dialect: Dialect = MODERN) {
    this.#store = store;
    this.#dialect = dialect;
    for (const { id, value } of store?.list(COLLECTION) ?? []) {
      const entry = decodeEntry(value);
      if (entry === undefined) log.warn({ id }, "firewall record cannot be read; its rules are left alone");
      else this.#entries.set(id, entry);
    }
  }

  /** Every scope in which something is ours. */
  scopes(): readonly Scope[] {
    return [...new Map([...this.#entries.values()].map(({ scope }) => [scopeKey(scope), scope])).values()];
  }

  /** The keys of all policies that have rules in the scope. */
  keys(scope: Scope): readonly string[] {
    return [...this.#entries].filter(([, entry]) => scopeKey(entry.scope) === scopeKey(scope)).map(([key]) => key);
  }

  /** The rules recorded for the policies. */
  owned(keys: Iterable<string>): readonly Rule[] {
    return [...keys].flatMap((key) => this.#entries.get(key)?.rules ?? []);
  }

  /** Before the kernel is touched: from now on the rules before and after are all ours. */
  announce(transitions: readonly Transition[]): void {
    this.#write(transitions.map(({ key, before, after }) => [key, this.#union(key, before, after)]));
  }

  /** After the kernel took the change, or was brought back: only those rules are ours that it has. */
  settle(transitions: readonly Transition[], state: "before" | "after"): void {
    this.#write(transitions.map((transition) => [transition.key, this.#entryOf(transition[state])]));
  }

  #union(key: string, before: Policy | undefined, after: Policy | undefined): Entry | undefined {
    const known = [this.#entries.get(key), this.#entryOf(before), this.#entryOf(after)].filter(
      (entry) => entry !== undefined,
    );
    const [first] = known;
    if (first === undefined) return undefined;
    const rules = known.flatMap((entry) => entry.rules);
    return { scope: first.scope, rules: [...new Map(rules.map((rule) => [ruleKey(rule), rule])).values()] };
  }

  #entryOf(policy: Policy | undefined): Entry | undefined {
    if (policy === undefined) return undefined;
    return { scope: scopeOf(policy), rules: blocksOf(policy, this.#dialect).flatMap(rulesOf) };
  }

  #write(entries: readonly (readonly [string, Entry | undefined])[]): void {
    const changed = entries.filter(([key, entry]) => !sameEntry(entry, this.#entries.get(key)));
    if (changed.length === 0) return;
    this.#store?.commit(
      changed.map(([id, entry]): Change =>
        entry === undefined ? { remove: COLLECTION, id } : { put: COLLECTION, id, value: encodeEntry(entry) },
      ),
    );
    for (const [key, entry] of changed) {
      if (entry === undefined) this.#entries.delete(key);
      else this.#entries.set(key, entry);
    }
  }
}

/** What changes between two sets of policies; equal policies are left out. */
export function transitions(
  before: ReadonlyMap<string, Policy>,
  after: ReadonlyMap<string, Policy>,
): readonly Transition[] {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].flatMap((key) => {
    const [old, fresh] = [before.get(key), after.get(key)];
    if (isDeepStrictEqual(old, fresh)) return [];
    return { key, ...(old === undefined ? {} : { before: old }), ...(fresh === undefined ? {} : { after: fresh }) };
  });
}

/** Policies by key; of two with one key the later holds. */
export function byKey(policies: Iterable<Policy>): Map<string, Policy> {
  return new Map([...policies].map((policy) => [policyKey(policy), policy]));
}

function sameEntry(a: Entry | undefined, b: Entry | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    scopeKey(a.scope) === scopeKey(b.scope) &&
    a.rules.length === b.rules.length &&
    a.rules.every((rule, index) => ruleKey(rule) === (b.rules[index] === undefined ? "" : ruleKey(b.rules[index])))
  );
}

function encodeEntry({ scope, rules }: Entry): Json {
  return { ...scope, rules: rules.map(({ table, chain, text }) => [table, chain, text]) };
}

function decodeEntry(value: Json): Entry | undefined {
  if (typeof value !== "object" || value === null || !("namespace" in value)) return undefined;
  const { namespace, family, rules } = value;
  if (typeof namespace !== "string" || !isFamily(family) || !Array.isArray(rules)) return undefined;
  const decoded = rules.map(decodeRule);
  return decoded.includes(undefined)
    ? undefined
    : { scope: { namespace, family }, rules: decoded.filter((rule) => rule !== undefined) };
}

function isFamily(value: unknown): value is Family {
  return value === 4 || value === 6;
}

function decodeRule(value: unknown): Rule | undefined {
  if (!Array.isArray(value)) return undefined;
  const [table, chain, text]: unknown[] = value;
  const known = TABLES.find((name) => name === table);
  return known !== undefined && typeof chain === "string" && typeof text === "string"
    ? { table: known, chain, text }
    : undefined;
}
