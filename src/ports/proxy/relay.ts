/** What the relays of the proxy's thread share: how much there may be of everything, and whom they tell. */

export interface Relay {
  /** Stops listening and ends everything that came through it. */
  close(): void;
}

/** Counts what is open over all ports, so that nobody can use up the daemon's descriptors. */
export class Budget {
  readonly #limit: number;
  readonly #exhausted: () => void;
  #used = 0;

  /** `exhausted` is called for each refusal. */
  constructor(limit: number, exhausted: () => void) {
    this.#limit = limit;
    this.#exhausted = exhausted;
  }

  get used(): number {
    return this.#used;
  }

  /** Whether there was room; then it is taken until `give`. */
  take(): boolean {
    if (this.#used >= this.#limit) {
      this.#exhausted();
      return false;
    }
    this.#used++;
    return true;
  }

  give(): void {
    this.#used--;
  }
}
