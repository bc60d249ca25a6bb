/**
 * How far a follower of etcd has come, and how to tell later that the store still has the history it has read of: one that was
 * wiped, or restored from a backup, counts its revisions again, and a watch from an old one would wait in silence or leave
 * something out. The proof is a record that was seen, asked for as of then.
 */
import type { ClusterRecord } from "../cluster-store.ts";

interface Anchor {
  readonly key: string;
  readonly version: string;
  /** The last revision at which it is known to have been so. */
  readonly at: bigint;
}

export class EtcdPosition {
  /** Everything up to this revision was told. */
  #seen: bigint;
  #anchor: Anchor | undefined;
  /** The anchor's key was written again or went. */
  #isPast = false;

  /** Of everything there is at a revision. */
  constructor(revision: string, records: readonly ClusterRecord[]) {
    this.#seen = BigInt(revision);
    let newest: ClusterRecord | undefined;
    for (const record of records) {
      if (newest === undefined || BigInt(record.version) > BigInt(newest.version)) newest = record;
    }
    if (newest !== undefined) this.#anchor = { key: newest.key, version: newest.version, at: this.#seen };
  }

  get seen(): bigint {
    return this.#seen;
  }

  /** What proves the history, undefined where nothing was ever seen. */
  get proof(): Anchor | undefined {
    if (this.#anchor === undefined || this.#isPast) return this.#anchor;
    return { ...this.#anchor, at: this.#seen };
  }

  /** Changes of one or more revisions, each whole, the last of them `revision`. */
  move(revision: bigint, puts: readonly ClusterRecord[], removes: readonly string[]): void {
    const before = this.#seen;
    this.#seen = revision;
    const last = puts.at(-1);
    if (last !== undefined) {
      this.#anchor = { key: last.key, version: last.version, at: revision };
      this.#isPast = false;
    } else if (!this.#isPast && this.#anchor !== undefined && removes.includes(this.#anchor.key)) {
      this.#anchor = { ...this.#anchor, at: before };
      this.#isPast = true;
    }
  }
}
