/**
 * A store that forgets: the fake for tests and for the library's throw-away controllers. It keeps the promises of `store.ts`
 * as strictly as the one on disk: values are kept as text, so no caller can change a record by holding on to its object.
 */
import { EngineError } from "../base/errors.ts";
import { decodeRecord, encodeRecord } from "./record-text.ts";
import type { Change, Store, StoredRecord } from "./store.ts";

interface KeptRecord {
  readonly text: string;
  readonly revision: number;
}

/** Collection to id to record, each in order of first insertion. */
type Collections = Map<string, Map<string, KeptRecord>>;

/** An empty store in this process's memory. */
export function openMemoryStore(): Store {
  return new MemoryStore();
}

class MemoryStore implements Store {
  #collections: Collections = new Map();
  #open = true;

  get(collection: string, id: string): StoredRecord | undefined {
    this.#assertOpen();
    const kept = this.#collections.get(collection)?.get(id);
    return kept === undefined ? undefined : toRecord(id, kept);
  }

  list(collection: string): readonly StoredRecord[] {
    this.#assertOpen();
    return [...(this.#collections.get(collection) ?? [])].map(([id, kept]) => toRecord(id, kept));
  }

  commit(changes: readonly Change[]): void {
    this.#assertOpen();
    const draft: Collections = new Map(this.#collections);
    for (const name of new Set(changes.map(collectionOf))) draft.set(name, new Map(draft.get(name)));
    for (const change of changes) applyChange(draft, change);
    this.#collections = draft;
  }

  [Symbol.dispose](): void {
    this.#open = false;
  }

  #assertOpen(): void {
    if (!this.#open) throw new EngineError("unavailable", "the store is closed");
  }
}

function collectionOf(change: Change): string {
  return "put" in change ? change.put : change.remove;
}

function applyChange(draft: Collections, change: Change): void {
  const name = collectionOf(change);
  const records = draft.get(name) ?? new Map<string, KeptRecord>();
  const revision = records.get(change.id)?.revision ?? 0;
  if (change.expected !== undefined && change.expected !== revision) {
    throw revisionConflict(`${name}/${change.id}`, change.expected, revision);
  }
  if ("put" in change) {
    const text = encodeRecord(change.value, `${name}/${change.id}`);
    records.set(change.id, { text, revision: revision + 1 });
  } else {
    records.delete(change.id);
  }
}

/** The error of a change whose `expected` revision does not hold. */
export function revisionConflict(where: string, expected: number, actual: number): EngineError {
  const text = (revision: number): string => (revision === 0 ? "absent" : `at revision ${revision}`);
  return new EngineError("conflict", `store record ${where} is ${text(actual)}, expected ${text(expected)}`);
}

function toRecord(id: string, kept: KeptRecord): StoredRecord {
  return { id, value: decodeRecord(kept.text), revision: kept.revision };
}
