/** A client's query on its way to the upstreams, and what comes back: the seam between listeners and the forwarder. */
import { FLAG, HEADER_SIZE } from "../message/codes.ts";
import type { Query } from "../message/query.ts";

export interface ForwardRequest {
  readonly sandboxId: string;
  readonly query: Query;
  /** The query as it came; the request's own copy. */
  readonly message: Uint8Array;
  readonly transport: "udp" | "tcp";
  /** Called exactly once, unless the sandbox is no longer served. */
  respond(outcome: ForwardOutcome): void;
}

export type ForwardOutcome =
  /** An upstream's answer, with the client's id; the receiver's own memory. */
  | { readonly kind: "answer"; readonly message: Uint8Array; readonly questionEnd: number }
  /** Nobody gave a usable answer (SERVFAIL), or there were too many queries (REFUSED). */
  | { readonly kind: "failure"; readonly rcode: number };

/** The answer cut to header and question and marked truncated, for a client that takes no longer one. */
export function truncateAnswer(message: Uint8Array, questionEnd: number): Uint8Array {
  const cut = Uint8Array.from(message.subarray(0, questionEnd));
  cut[2] = (cut[2] ?? 0) | (FLAG.TC >> 8);
  cut.fill(0, 6, HEADER_SIZE);
  return cut;
}
