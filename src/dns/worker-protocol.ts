/**
 * What the main thread and the dns worker say to each other. Every request carries a sequence number and is answered by
 * `done` with it, in order; the worker asks for one thing only: sockets inside a sandbox's namespace.
 */
import type { DnsCounters } from "./server/counters.ts";
import type { DnsChange } from "./dns.ts";
import type { SocketOrder } from "./forward/socket-exchange.ts";
import type { Log } from "../base/log.ts";

export type WorkerRequest =
  | { readonly kind: "change"; readonly sequence: number; readonly changes: readonly DnsChange[] }
  | { readonly kind: "serve"; readonly sequence: number; readonly served: ServedSockets }
  | { readonly kind: "stop"; readonly sequence: number; readonly sandboxId: string }
  | { readonly kind: "count"; readonly sequence: number }
  /** Answers `open`; the descriptor is the worker's from now on. */
  | { readonly kind: "opened"; readonly order: number; readonly result: OpenResult }
  /** The worker frees everything of its own and ends. */
  | { readonly kind: "close" };

/** Descriptors of a sandbox's sockets; they stay the main thread's, so that they outlive a worker. */
export interface ServedSockets {
  readonly sandboxId: string;
  readonly udpFd: number;
  readonly tcpFd: number;
}

export type OpenResult = { readonly fd: number } | { readonly error: string };

export type WorkerReport =
  | { readonly kind: "done"; readonly sequence: number; readonly counters?: DnsCounters }
  | { readonly kind: "failed"; readonly sequence: number; readonly reason: string }
  | { readonly kind: "open"; readonly order: number; readonly wanted: SocketOrder }
  | {
      readonly kind: "log";
      readonly level: keyof Log;
      readonly fields: Readonly<Record<string, string | number>>;
      readonly message: string;
    };
