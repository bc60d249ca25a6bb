/**
 * A store that several hosts share: etcd, Consul or ZooKeeper behind one interface, thin enough to be honest about all three.
 * Keys and values are text; a transaction is checked and written as one; a follower keeps a local copy; a session's keys go
 * when its host does. It knows nothing of networks: that is `cluster.ts`.
 *
 * Every call ends: with its answer, or with EngineError `unavailable` ("cluster store etcd://...: <why>") after at most
 * `CALL_TIMEOUT_MS`. Reading of much (`list`, `follow`) may take longer as long as the store goes on answering, at most
 * `READING_TIMEOUT_MS`. A call that timed out may still have been carried out; whoever repeats it must be able to see that.
 */

/** Of one call, reconnecting included. A process that is too busy to read its answers has that much longer. */
export const CALL_TIMEOUT_MS = 5_000;
export const READING_TIMEOUT_MS = 180_000;
/**
 * Longest key, in bytes. The values of a transaction together are at most 256 KiB of UTF-8. What is longer, or malformed, is
 * refused with `invalid-argument` (`transaction-limits.ts`).
 */
export const MAX_KEY_BYTES = 512;
/** Most operations (checks and writes) of one transaction: Consul's limit, the lowest of the three. */
export const MAX_OPERATIONS = 64;

export interface ClusterStore extends AsyncDisposable {
  /** Where it is, without secrets: `etcd://10.0.0.1:2379,10.0.0.2:2379/prefix`. */
  readonly address: string;

  /** The record, read so that every write which was answered before is seen. */
  get(key: string): Promise<ClusterRecord | undefined>;

  /** All records whose key starts with `prefix` + "/", in order of key. */
  list(prefix: string): Promise<readonly ClusterRecord[]>;

  /**
   * All writes or none. False: a check did not hold, and nothing was written. Throws `unavailable` and writes nothing when a
   * put's session is over. Is sent once: never repeated where it may have been carried out already.
   */
  commit(transaction: ClusterTransaction): Promise<boolean>;

  /**
   * Keeps `follower` in step with all keys below `prefix` until disposed: first everything there is, then changes in the
   * order of the store, each key's at least in the end. After an interruption it is given what it missed, or everything again.
   * Resolves once the first whole copy was delivered; throws `unavailable` when that cannot be had in time (and follows no more).
   */
  follow(prefix: string, follower: Follower): Promise<AsyncDisposable>;

  /**
   * A session that the store ends when it has not heard of us for `ttlMs` (the backend's own bounds apply: Consul at least
   * 10 s, ZooKeeper what its server allows). It keeps itself alive until disposed; disposal never throws: where the store is
   * away, the session runs out.
   */
  openSession(ttlMs: number): Promise<ClusterSession>;
}

export interface ClusterRecord {
  /** Without leading slash, parts divided by "/", each of `[A-Za-z0-9._:-]+` but neither "." nor "..". */
  readonly key: string;
  readonly value: string;
  /** Opaque; differs for every write of the key, also across removal and creation. */
  readonly version: string;
}

/** Everything that is checked is checked before anything is written. A key is written at most once in a transaction. */
export interface ClusterTransaction {
  readonly checks?: readonly ClusterCheck[];
  /** Those that name a session all name the same: ZooKeeper knows no other way. */
  readonly puts?: readonly ClusterPut[];
  /** Keys; absence is accepted. */
  readonly removes?: readonly string[];
}

export type ClusterCheck =
  | { readonly key: string; readonly is: "absent" }
  | { readonly key: string; readonly is: "present" }
  /** Not written since it was read. */
  | { readonly key: string; readonly version: string };

export interface ClusterPut {
  readonly key: string;
  readonly value: string;
  /**
   * The key goes when this session ends, whatever session it belonged to before: a put takes it over. Without a session the
   * key stays until it is removed.
   */
  readonly session?: ClusterSession;
}

/** Called one at a time, never again after disposal; what it throws is logged and does not stop the following. */
export interface Follower {
  /** Everything there is: what is not in here is gone. */
  replace(records: readonly ClusterRecord[]): void;
  /** What came or changed, and keys that went. */
  change(puts: readonly ClusterRecord[], removes: readonly string[]): void;
  /**
   * The store has not been heard of for a moment (`lost`, with why), or is there again (`back`): what was missed was told before
   * that by `change`, or is told next by `replace`.
   */
  connection(state: "lost" | "back", reason?: string): void;
}

export interface ClusterSession extends AsyncDisposable {
  /** The backend's own id, for messages. */
  readonly id: string;
  /** As granted. */
  readonly ttlMs: number;
  /**
   * Resolves with the reason when the session is over although nobody disposed it: it expired while the store was away, or
   * somebody ended it. Its keys are gone then; a new session has to be opened.
   */
  readonly ended: Promise<string>;
  /**
   * Keeps it alive no longer without ending it: its keys stay until the store has missed us for `ttlMs`, for a process that is
   * about to take them over (a daemon that restarts). Disposal does nothing more then, nor does the store's.
   */
  abandon(): Promise<void>;
}
