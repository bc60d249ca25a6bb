/**
 * Answers of upstreams, given again to whoever asks the same of the same upstreams, for as long as their records live and
 * with the lives that are left (RFC 1035 section 7.4; "there is none" as in RFC 2308). What one set of servers said is never
 * told to sandboxes that ask another, and servers asked from inside a sandbox are that sandbox's own. Bounded in bytes; the
 * answers that were not asked for longest go first.
 */
import { formatAddress } from "../../addr/ip-address.ts";
import type { Clock } from "../../base/clock.ts";
import type { DnsUpstream } from "../dns.ts";
import { HEADER_SIZE } from "../message/codes.ts";
import { isPlainQuery, lifetimeOf, queryTraits } from "../message/lifetime.ts";
import type { Query } from "../message/query.ts";
import type { Response } from "../message/response.ts";

/** However long a record says it lives: somebody may be waiting for it to change. */
const LONGEST_S = 3600;
/** A name that was not there may have been made since. */
const LONGEST_NEGATIVE_S = 60;
/** Longer answers are rare, and not worth the many short ones that they would push out. */
const MAX_ANSWER_BYTES = 4096;
const DEFAULT_MAX_BYTES = 8 << 20;
/** What an entry costs besides its message: keys, offsets and objects, about. */
const ENTRY_BYTES = 512;

interface Entry {
  readonly message: Uint8Array;
  readonly response: Response;
  readonly ttlOffsets: readonly number[];
  readonly storedMs: number;
  readonly livesMs: number;
}

/** An answer with its TTLs counted down; the receiver's own memory. */
export interface CachedAnswer {
  readonly message: Uint8Array;
  readonly response: Response;
}

/** What is asked, and of whom. */
export interface CacheQuestion {
  readonly query: Query;
  /** The client's bytes. */
  readonly message: Uint8Array;
  readonly sandboxId: string;
  readonly upstreams: readonly DnsUpstream[];
}

export class AnswerCache {
  readonly #clock: Pick<Clock, "now">;
  readonly #maxBytes: number;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(clock: Pick<Clock, "now">, maxBytes = DEFAULT_MAX_BYTES) {
    this.#clock = clock;
    this.#maxBytes = maxBytes;
  }

  /** At most this many bytes are held, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The answer under the client's id and with the question as the client spelled it; undefined when there is none. */
  find(question: CacheQuestion): CachedAnswer | undefined {
    const key = keyOf(question);
    const entry = key === undefined ? undefined : this.#entries.get(key);
    if (key === undefined || entry === undefined) return undefined;
    const ageMs = this.#clock.now() - entry.storedMs;
    // A clock that was set back tells nothing about ages.
    if (ageMs < 0 || ageMs >= entry.livesMs) {
      this.#forget(key, entry);
      return undefined;
    }
    if (entry.response.questionEnd !== question.query.questionEnd) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return { message: aged(entry, question.message, Math.floor(ageMs / 1000)), response: entry.response };
  }

  /** Keeps an upstream's answer, if it may be kept. The message stays the caller's. */
  store(question: CacheQuestion, message: Uint8Array, response: Response): void {
    const key = keyOf(question);
    if (key === undefined || message.length > MAX_ANSWER_BYTES) return;
    if (response.questionEnd !== question.query.questionEnd) return;
    const lifetime = lifetimeOf(message, question.query, response);
    if (lifetime === undefined) return;
    const seconds = Math.min(lifetime.seconds, lifetime.negative ? LONGEST_NEGATIVE_S : LONGEST_S);
    const before = this.#entries.get(key);
    if (before !== undefined) this.#forget(key, before);
    const { ttlOffsets } = lifetime;
    const entry = { message: Uint8Array.from(message), response, ttlOffsets };
    this.#entries.set(key, { ...entry, storedMs: this.#clock.now(), livesMs: seconds * 1000 });
    this.#bytes += cost(entry);
    this.#evict();
  }

  #evict(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#forget(key, entry);
    }
  }

  #forget(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= cost(entry);
  }
}

function cost(entry: { readonly message: Uint8Array }): number {
  return entry.message.length + ENTRY_BYTES;
}

function keyOf({ query, message, sandboxId, upstreams }: CacheQuestion): string | undefined {
  if (upstreams.length === 0 || !isPlainQuery(message, query)) return undefined;
  const inside = upstreams.some(({ from }) => from === "sandbox") ? sandboxId : "";
  const servers = upstreams.map(({ address, port, from }) => `${from} ${formatAddress(address)} ${port}`).join();
  return [inside, servers, queryTraits(message, query), query.class, query.type, query.name].join("|");
}

function aged({ message, response, ttlOffsets }: Entry, asked: Uint8Array, seconds: number): Uint8Array {
  const copy = Uint8Array.from(message);
  copy.set(asked.subarray(0, 2));
  // Names in the answer point to the question's letters: the client finds its own spelling everywhere.
  copy.set(asked.subarray(HEADER_SIZE, response.questionEnd), HEADER_SIZE);
  const view = new DataView(copy.buffer);
  for (const offset of ttlOffsets) view.setUint32(offset, Math.max(0, view.getUint32(offset) - seconds));
  return copy;
}
