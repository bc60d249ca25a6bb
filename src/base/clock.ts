/** Time and randomness come in through constructors as these narrow types, so that tests can hold them still. */

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Nanoseconds since the Unix epoch; strictly greater at each call within one process. */
  nowNs(): bigint;
}

let lastNs = 0n;

export const systemClock: Clock = {
  now: () => Date.now(),
  nowNs() {
    const ns = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6));
    lastNs = ns > lastNs ? ns : lastNs + 1n;
    return lastNs;
  },
};

/** RFC 3339 with nanoseconds and `Z`, as Docker prints times; the zero time for undefined. */
export function formatTimeNs(ns: bigint | undefined): string {
  if (ns === undefined) return "0001-01-01T00:00:00Z";
  const seconds = new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  const fraction = (ns % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  return fraction === "" ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}
