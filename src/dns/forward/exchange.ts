/**
 * One message to one server and what comes back, as the forwarder sees it: the seam behind which sockets are. The fake in
 * tests answers as it is told.
 */
import type { DnsUpstream } from "../dns.ts";

export interface ExchangeRequest {
  readonly upstream: DnsUpstream;
  /** Whose namespace an upstream `from: "sandbox"` is asked from. */
  readonly sandboxId: string;
  readonly transport: "udp" | "tcp";
  readonly message: Uint8Array;
  /** Each message that came from the server, in memory of the receiver's own; whether it is the answer is to be checked. */
  onMessage(message: Uint8Array): void;
  /** No message will come. Called at most once, and never after `onMessage` led to `cancel`. */
  onFailure(reason: string): void;
}

export interface Exchange {
  /** Sends, and listens until the returned function is called, which frees everything. Never throws. */
  start(request: ExchangeRequest): () => void;
}
