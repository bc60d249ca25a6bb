/**
 * The store keeps intent: small records in named collections, committed in one transaction before the kernel is touched.
 * It is synchronous, because it is in this process and a commit takes microseconds (WAL, no fsync per commit: what a power
 * cut can take back is the newest intents, and their kernel state is gone with the same power cut).
 *
 * Records are JSON values; their meaning and their validation belong to whoever owns the collection.
 */

/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface StoredRecord {
  readonly id: string;
  readonly value: Json;
  /** Grows by one with every write of the record, from 1. */
  readonly revision: number;
}

/** One write. With `expected` it holds only if the record is at that revision (0: absent), else the commit is refused. */
export type Change =
  | { readonly put: string; readonly id: string; readonly value: Json; readonly expected?: number }
  | { readonly remove: string; readonly id: string; readonly expected?: number };

export interface Store extends Disposable {
  /** The record, or undefined. */
  get(collection: string, id: string): StoredRecord | undefined;

  /** All records of a collection in order of first insertion; empty for a collection never written to. */
  list(collection: string): readonly StoredRecord[];

  /**
   * All changes or none. Removing an absent record is no error. Throws EngineError `conflict` when an `expected` revision
   * does not hold, `unavailable` when the disk refuses; nothing is changed then.
   */
  commit(changes: readonly Change[]): void;
}
