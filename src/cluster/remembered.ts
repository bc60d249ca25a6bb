/**
 * What this host remembers of the cluster in its own store: who it is, and the local copy as it was last, so that a daemon that
 * starts while the cluster's store is away still knows its networks and peers. Others' addresses are left out: nobody asks
 * for them without the store.
 */
import { randomBytes } from "node:crypto";
import { EngineError, messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { RecordReader } from "../store/record-reader.ts";
import type { Change, Json, Store } from "../store/store.ts";
import type { ClusterRecord } from "./cluster-store.ts";

const SELF = "cluster-self";
const COPY = "cluster-copy";
const OWN = "cluster-own";

/** Incarnations that may still be in the cluster's store: starts that never got there are not many. */
const MAX_FORMER = 16;

/** What changed in between is written at once: a copy that is a moment old costs no more than a look at what is newer. */
const FLUSH_MS = 1_000;

export interface Identity {
  readonly id: string;
  readonly incarnation: string;
  /** Of processes of this host before. */
  readonly former: readonly string[];
}

/** The id, drawn at the first start, and this process's incarnation, remembered before anybody can see it. */
export function takeIdentity(cache: Store): Identity {
  const kept = cache.get(SELF, "host")?.value;
  const { id, former } = kept === undefined ? { id: randomBytes(10).toString("hex"), former: [] } : readIdentity(kept);
  const incarnation = randomBytes(6).toString("hex");
  cache.commit([{ put: SELF, id: "host", value: { id, incarnations: [...former, incarnation].slice(-MAX_FORMER) } }]);
  return { id, incarnation, former };
}

function readIdentity(kept: Json): Pick<Identity, "id" | "former"> {
  try {
    const reader = new RecordReader(kept, `${SELF}/host`);
    return { id: reader.field("id").text(), former: reader.field("incarnations").list((item) => item.text()) };
  } catch (cause) {
    throw EngineError.wrap(cause, "read who this host is in the cluster (a new data root makes a new host)");
  }
}

/** Called when the incarnation is in the cluster's store: no former one can be there any more. */
export function settleIdentity(cache: Store, { id, incarnation }: Identity): void {
  cache.commit([{ put: SELF, id: "host", value: { id, incarnations: [incarnation] } }]);
}

export class Remembered {
  readonly #cache: Store;
  readonly #log: Log;
  /** Key to version, as remembered or about to be. */
  readonly #copied = new Map<string, string>();
  readonly #pending = new Map<string, Json | undefined>();
  #timer: NodeJS.Timeout | undefined;

  constructor(cache: Store, log: Log) {
    this.#cache = cache;
    this.#log = log;
  }

  loadCopy(): readonly ClusterRecord[] {
    const records = this.#load(COPY, (key, record) => ({
      key,
      value: record.field("value").text(),
      version: record.field("version").text(),
    }));
    for (const { key, version } of records) this.#copied.set(key, version);
    return records;
  }

  loadOwn(): readonly (readonly [key: string, text: string])[] {
    return this.#load(OWN, (key, record) => [key, record.text()] as const);
  }

  /** Keys of the copy that are remembered. */
  copied(): readonly string[] {
    return [...this.#copied.keys()];
  }

  /** Written with others in a moment; undefined forgets. */
  keepCopy(key: string, record: ClusterRecord | undefined): void {
    if (this.#copied.get(key) === record?.version) return;
    if (record === undefined) this.#copied.delete(key);
    else this.#copied.set(key, record.version);
    this.#pending.set(key, record && { value: record.value, version: record.version });
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS).unref();
  }

  /** Written now: what is ours must be known after a crash. */
  keepOwn(key: string, text: string | undefined): void {
    this.#commit([text === undefined ? { remove: OWN, id: key } : { put: OWN, id: key, value: text }]);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const changes = [...this.#pending].map(([id, value]): Change =>
      value === undefined ? { remove: COPY, id } : { put: COPY, id, value },
    );
    this.#pending.clear();
    if (changes.length > 0) this.#commit(changes);
  }

  /** What is not remembered costs a look at the cluster's store after the next start, no more. */
  #commit(changes: readonly Change[]): void {
    try {
      this.#cache.commit(changes);
    } catch (cause) {
      this.#log.warn({ err: cause }, `the cluster's state is not remembered: ${messageOf(cause)}`);
    }
  }

  #load<T>(collection: string, read: (key: string, record: RecordReader) => T): readonly T[] {
    return this.#cache.list(collection).flatMap(({ id, value }) => {
      try {
        return [read(id, new RecordReader(value, `${collection}/${id}`))];
      } catch (cause) {
        this.#log.warn({ key: id }, `remembered cluster record not understood: ${messageOf(cause)}`);
        return [];
      }
    });
  }
}
