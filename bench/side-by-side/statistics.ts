/** Medians and the like, of times in milliseconds. */

export interface Summary {
  readonly median: number;
  /** Nine of ten were faster. */
  readonly p90: number;
}

export function summarize(times: readonly number[]): Summary {
  return { median: quantile(times, 0.5), p90: quantile(times, 0.9) };
}

/** Between the two nearest of the sorted times, in proportion. */
export function quantile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(position)] ?? Number.NaN, sorted[Math.ceil(position)] ?? Number.NaN];
  return low + (high - low) * (position % 1);
}

/** Three digits that matter are enough. */
export function round(value: number): number {
  return Number(value.toPrecision(3));
}
