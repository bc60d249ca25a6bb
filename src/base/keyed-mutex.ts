/**
 * Mutual exclusion per key. Holders of different keys never wait for each other; several keys are taken in sorted order,
 * so that two callers cannot deadlock. A key costs memory only while somebody holds or awaits it.
 */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `body` while holding every key. Not re-entrant. */
  async run<T>(keys: string | readonly string[], body: () => Promise<T>): Promise<T> {
    const sorted = typeof keys === "string" ? [keys] : [...new Set(keys)].sort();
    const releases: (() => void)[] = [];
    try {
      for (const key of sorted) releases.push(await this.#acquire(key));
      return await body();
    } finally {
      for (const release of releases.reverse()) release();
    }
  }

  async #acquire(key: string): Promise<() => void> {
    const previous = this.#tails.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tails.set(key, promise);
    await previous;
    return () => {
      if (this.#tails.get(key) === promise) this.#tails.delete(key);
      resolve();
    };
  }
}
