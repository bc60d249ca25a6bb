/**
 * The pause before something is tried again that many hosts lost at the same moment: drawn anew each time, so that they do not
 * all come back at once, and from a longer span after each failure, so that a store which is there but cannot serve all of them
 * gets time to serve some.
 */
export interface RetryPauses {
  /** Of the first span, which begins at 0. */
  readonly firstMs: number;
  /** Spans double up to this. */
  readonly mostMs: number;
}

/** Milliseconds. */
export function drawPause({ firstMs, mostMs }: RetryPauses, failures: number): number {
  return Math.random() * Math.min(mostMs, firstMs * 2 ** failures);
}
