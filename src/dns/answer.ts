/**
 * From a query's bytes to what happens with it: an answer of ours, written where the caller wants it, or a query for the
 * upstreams, or silence. Pure but for the memory given and the random numbers that shuffle addresses.
 */
import { answerLocally, type LocalAnswer } from "./lookup.ts";
import { RCODE, TYPE } from "./message/codes.ts";
import { encodeName } from "./message/name.ts";
import { decodeQuery, type Query } from "./message/query.ts";
import { ReplyWriter, type ReplyHead } from "./message/reply.ts";
import type { SandboxView, Snapshot } from "./snapshot.ts";

export type Verdict =
  /** The answer has `size` bytes, at the place asked for. */
  | { readonly kind: "reply"; readonly size: number; readonly local: boolean }
  | { readonly kind: "forward"; readonly query: Query }
  | { readonly kind: "ignore" };

export interface Place {
  /** Where in the memory the answer begins, in bytes. */
  readonly start: number;
  /** How many bytes it may have: for UDP at most what the client takes, see `transport`. */
  readonly room: number;
  readonly transport: "udp" | "tcp";
}

/** Room for an OPT record. */
const FAILURE_EXTRA = 16;

const IGNORE: Verdict = { kind: "ignore" };

export class Answerer {
  readonly #snapshot: Snapshot;
  readonly #writer: ReplyWriter;
  readonly #random: () => number;

  /** Answers go to `memory`; `random` gives numbers from 0 to below 1. */
  constructor(snapshot: Snapshot, memory: Uint8Array, random: () => number = Math.random) {
    this.#snapshot = snapshot;
    this.#writer = new ReplyWriter(memory);
    this.#random = random;
  }

  /** Judges the message that a client of the sandbox sent; a sandbox that is not known gets SERVFAIL for everything. */
  judge(message: Uint8Array, sandbox: SandboxView | undefined, place: Place): Verdict {
    const decoded = decodeQuery(message);
    if (decoded.kind === "ignore") return IGNORE;
    if (decoded.kind === "refusal") return this.#fail(message, decoded, place, decoded.rcode);
    const { query } = decoded;
    if (sandbox === undefined) return this.#fail(message, query, place, RCODE.SERVFAIL);
    const answer = answerLocally(this.#snapshot, sandbox, query);
    if (answer.kind !== "unknown") return this.#reply(message, query, place, answer);
    if (sandbox.upstreams.length === 0) return this.#fail(message, query, place, RCODE.SERVFAIL);
    return { kind: "forward", query };
  }

  /** An answer without records, in memory of its own, to a query that came to nothing later. */
  failure(message: Uint8Array, head: ReplyHead, rcode: number): Uint8Array {
    const room = head.questionEnd + FAILURE_EXTRA;
    const bytes = new Uint8Array(room);
    const writer = new ReplyWriter(bytes);
    writer.begin(message, head, { start: 0, limit: room });
    return bytes.subarray(0, writer.finish(rcode));
  }

  #fail(message: Uint8Array, head: ReplyHead, place: Place, rcode: number): Verdict {
    this.#writer.begin(message, head, { start: place.start, limit: place.room });
    return { kind: "reply", size: this.#writer.finish(rcode), local: false };
  }

  #reply(message: Uint8Array, query: Query, place: Place, answer: LocalAnswer): Verdict {
    const limit = place.transport === "udp" ? Math.min(query.udpSize, place.room) : place.room;
    this.#writer.begin(message, query, { start: place.start, limit });
    if (answer.kind === "addresses") this.#writeAddresses(query.type, answer.data);
    if (answer.kind === "pointer") this.#writePointer(answer.target);
    return { kind: "reply", size: this.#writer.finish(), local: true };
  }

  #writeAddresses(type: number, data: readonly Uint8Array[]): void {
    for (const address of data.length > 1 ? this.#shuffled(data) : data) {
      if (!this.#writer.record(type, address)) return;
    }
  }

  #writePointer(target: string): void {
    const data = encodeName(target);
    if (data !== undefined) this.#writer.record(TYPE.PTR, data);
  }

  #shuffled(data: readonly Uint8Array[]): readonly Uint8Array[] {
    const order = [...data];
    for (let last = order.length - 1; last > 0; last--) {
      const other = Math.floor(this.#random() * (last + 1));
      const held = order[last];
      const moved = order[other];
      if (held === undefined || moved === undefined) continue;
      order[last] = moved;
      order[other] = held;
    }
    return order;
  }
}
