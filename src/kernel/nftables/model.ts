/**
 * nf_tables in memory, for tests of the layers above: transactions that hold whole or not at all, and refusals with the
 * errnos of the real one (nothing of a chain or set that is not there, no second datum for a key, no range across another,
 * no removal of what is in use). No packets pass.
 */
import type { NamespaceRef } from "../facts.ts";
import { KernelError } from "../kernel-error.ts";
import { describeChange } from "./describe-change.ts";
import type { Expression } from "./expression.ts";
import type { NftChainHead, NftChange, NftElement, NftRule, NftSetType, NftTable, NftTableName } from "./ruleset.ts";

const ENOENT = 2;
const EBUSY = 16;
const EEXIST = 17;

interface ModelTable extends NftTableName {
  readonly chains: Map<string, NftChainHead & { rules: NftRule[] }>;
  readonly sets: Map<string, NftSetType & { readonly elements: Map<string, NftElement> }>;
}

export class NftModel {
  #tables = new Map<string, ModelTable>();
  /** How many transactions were carried out. */
  transactions = 0;
  #failure: KernelError | undefined;

  /** The next transaction is refused with this. */
  failNext(failure: KernelError): void {
    this.#failure = failure;
  }

  read(namespace: NamespaceRef, name: NftTableName): NftTable | undefined {
    const found = this.#tables.get(placeOf(namespace, name));
    if (found === undefined) return undefined;
    return {
      family: found.family,
      table: found.table,
      chains: structuredClone([...found.chains.values()]),
      sets: [...found.sets.values()].map((set) => ({ ...set, elements: structuredClone([...set.elements.values()]) })),
    };
  }

  /** Throws KernelError and changes nothing. */
  change(namespace: NamespaceRef, changes: readonly NftChange[]): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    const tables = structuredClone(this.#tables);
    for (const change of changes) {
      const errno = carryOut(tables, placeOf(namespace, change), change);
      if (errno !== 0) throw new KernelError({ operation: describeChange(change), errno });
    }
    this.#tables = tables;
    this.transactions++;
  }
}

function placeOf(namespace: NamespaceRef, { family, table }: NftTableName): string {
  return `${namespace} ${family} ${table}`;
}

/** The errno; 0 is success. */
function carryOut(tables: Map<string, ModelTable>, place: string, change: NftChange): number {
  const { family, table: name } = change;
  const table = tables.get(place);
  if (change.change === "add-table") {
    if (table === undefined) tables.set(place, { family, table: name, chains: new Map(), sets: new Map() });
    return 0;
  }
  if (table === undefined) return ENOENT;
  switch (change.change) {
    case "delete-table":
      tables.delete(place);
      return 0;
    case "add-chain":
      table.chains.set(change.chain.name, { rules: [], ...table.chains.get(change.chain.name), ...change.chain });
      return 0;
    case "delete-chain":
      return deleteChain(table, change.chain);
    case "append-rule":
      return appendRule(table, change.chain, change.rule);
    case "flush-chain":
      return flushChain(table, change.chain);
    case "add-set":
      if (!table.sets.has(change.set.name)) table.sets.set(change.set.name, { ...change.set, elements: new Map() });
      return 0;
    case "delete-set":
      if (isUsed(table, (expression) => expression.kind === "lookup" && expression.set === change.set)) return EBUSY;
      return table.sets.delete(change.set) ? 0 : ENOENT;
    case "add-elements":
      return firstErrno(change.elements, (element) => addElement(table.sets.get(change.set.name), element));
    case "delete-elements":
      return firstErrno(change.elements, (element) =>
        table.sets.get(change.set.name)?.elements.delete(keyOf(element)) === true ? 0 : ENOENT,
      );
  }
}

function firstErrno<T>(items: readonly T[], act: (item: T) => number): number {
  for (const item of items) {
    const errno = act(item);
    if (errno !== 0) return errno;
  }
  return 0;
}

function deleteChain(table: ModelTable, chain: string): number {
  const found = table.chains.get(chain);
  if (found === undefined) return ENOENT;
  const isTarget = (expression: Expression): boolean =>
    expression.kind === "verdict" && "chain" in expression && expression.chain === chain;
  if (found.rules.length > 0 || isUsed(table, isTarget)) return EBUSY;
  table.chains.delete(chain);
  return 0;
}

function appendRule(table: ModelTable, chain: string, rule: NftRule): number {
  const missing = rule.expressions.some(
    (expression) =>
      (expression.kind === "lookup" && !table.sets.has(expression.set)) ||
      (expression.kind === "verdict" && "chain" in expression && !table.chains.has(expression.chain)),
  );
  const rules = table.chains.get(chain)?.rules;
  if (missing || rules === undefined) return ENOENT;
  rules.push(rule);
  return 0;
}

function flushChain(table: ModelTable, chain: string): number {
  const found = table.chains.get(chain);
  if (found === undefined) return ENOENT;
  found.rules = [];
  return 0;
}

function isUsed(table: ModelTable, uses: (expression: Expression) => boolean): boolean {
  return [...table.chains.values()].some(({ rules }) => rules.some(({ expressions }) => expressions.some(uses)));
}

function addElement(
  set: (NftSetType & { readonly elements: Map<string, NftElement> }) | undefined,
  element: NftElement,
) {
  if (set === undefined) return ENOENT;
  const present = set.elements.get(keyOf(element));
  if (present !== undefined) return describe(present) === describe(element) ? 0 : EEXIST;
  if (set.interval && [...set.elements.values()].some((other) => overlap(other, element))) return EEXIST;
  set.elements.set(keyOf(element), element);
  return 0;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function keyOf({ key, keyEnd }: NftElement): string {
  return `${hex(key)}-${keyEnd === undefined ? "" : hex(keyEnd)}`;
}

function describe({ data }: NftElement): string {
  return data instanceof Uint8Array ? hex(data) : JSON.stringify(data);
}

/** Whether two ranges share a key: in a concatenation, when every field's ranges do; fields are aligned to 4 bytes. */
function overlap(a: NftElement, b: NftElement): boolean {
  const words = (bytes: Uint8Array): string[] => hex(bytes).match(/.{1,8}/g) ?? [];
  const [firstA, lastA] = [words(a.key), words(a.keyEnd ?? a.key)];
  const [firstB, lastB] = [words(b.key), words(b.keyEnd ?? b.key)];
  return firstA.every((first, index) => first <= (lastB[index] ?? "") && (firstB[index] ?? "") <= (lastA[index] ?? ""));
}
