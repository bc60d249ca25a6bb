/** Told of what a controller does, for whoever counts it. Calls return at once and never throw. */
import type { StoreOperation, StoreOutcome } from "../cluster/counted-store.ts";

export interface Meter {
  /** An operation that succeeded. */
  took(action: NetworkAction, seconds: number): void;
  /** A request to the cluster store that ended. */
  asked(operation: StoreOperation, outcome: StoreOutcome): void;
}

/** dockerd's words: a container's stack was made, a running one connected, a stack taken away. */
export type NetworkAction = "allocate" | "connect" | "release";

/** What `body` answers; how long it took is told when it succeeds. */
export async function timed<T>(meter: Meter | undefined, action: NetworkAction, body: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await body();
  meter?.took(action, (performance.now() - started) / 1000);
  return result;
}
