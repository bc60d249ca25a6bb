/** Waiting for a condition, never for a time. */
import { setTimeout as pause } from "node:timers/promises";

const POLL_MS = 25;

/** Resolves with the first value that is neither undefined nor false; throws after `timeoutMs` (10 s), naming what was awaited. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 10_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`);
    await pause(POLL_MS);
  }
}
