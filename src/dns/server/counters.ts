/** What the resolver did, counted per sandbox. Plain numbers, fit for `postMessage`; they only grow. */
export interface DnsCounters {
  /** Messages from clients, whatever they were. */
  queries: number;
  /** Answered from the snapshot. */
  local: number;
  /** Handed to the forwarder. */
  forwarded: number;
  /** Answered with an error of ours: malformed, refused, or nobody to ask. */
  failed: number;
  /** Not answered: no query, or too long. */
  ignored: number;
  /** TCP connections accepted, and those turned away because there were too many. */
  connections: number;
  connectionsRefused: number;
}

export function zeroCounters(): DnsCounters {
  return {
    queries: 0,
    local: 0,
    forwarded: 0,
    failed: 0,
    ignored: 0,
    connections: 0,
    connectionsRefused: 0,
  };
}

/** Adds each number of `counters` to `sum`. */
export function addCounters(sum: DnsCounters, counters: DnsCounters): void {
  sum.queries += counters.queries;
  sum.local += counters.local;
  sum.forwarded += counters.forwarded;
  sum.failed += counters.failed;
  sum.ignored += counters.ignored;
  sum.connections += counters.connections;
  sum.connectionsRefused += counters.connectionsRefused;
}
