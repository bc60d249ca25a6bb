/**
 * Who may ask upstreams now. At most `total` tasks run at once, and no key may have more of them than places are still free:
 * one alone gets half of all, n that want everything get an equal share each, and another such share stays free for whoever
 * comes next (dynamic thresholds, Choudhury and Hahne 1998). The rest wait, each key in a line of its own with at most
 * `waiting` places, and lines take turns. So a sandbox that asks ten thousand things that nobody answers delays itself alone.
 */
export interface FairQueueLimits {
  readonly total: number;
  readonly waiting: number;
}

interface Line<T> {
  running: number;
  readonly waiting: Set<T>;
}

export class FairQueue<T> {
  readonly #limits: FairQueueLimits;
  readonly #start: (task: T) => void;
  /** In the order of turns: a line that had its turn goes to the end. */
  readonly #lines = new Map<string, Line<T>>();
  #running = 0;

  /** `start` is called when a task may run; every started task is to be `finished` once. */
  constructor(limits: FairQueueLimits, start: (task: T) => void) {
    this.#limits = limits;
    this.#start = start;
  }

  /** Starts the task now or later; false when its key's line is full, and the task is then forgotten. */
  offer(key: string, task: T): boolean {
    let line = this.#lines.get(key);
    if (line === undefined) this.#lines.set(key, (line = { running: 0, waiting: new Set() }));
    if (line.waiting.size >= this.#limits.waiting) return false;
    line.waiting.add(task);
    this.#startWaiting();
    return true;
  }

  /** Takes back a task that was not started; false when it was. */
  withdraw(key: string, task: T): boolean {
    const line = this.#lines.get(key);
    const withdrawn = line?.waiting.delete(task) ?? false;
    if (line !== undefined) this.#forgetIfIdle(key, line);
    return withdrawn;
  }

  /** A started task of this key is over. */
  finished(key: string): void {
    const line = this.#lines.get(key);
    if (line === undefined || line.running === 0) return;
    line.running--;
    this.#running--;
    this.#forgetIfIdle(key, line);
    this.#startWaiting();
  }

  #startWaiting(): void {
    while (this.#running < this.#limits.total) {
      const next = this.#nextLine();
      if (next === undefined) return;
      const [key, line] = next;
      const [task] = line.waiting;
      if (task === undefined) return;
      line.waiting.delete(task);
      line.running++;
      this.#running++;
      this.#lines.delete(key);
      this.#lines.set(key, line);
      this.#start(task);
    }
  }

  #nextLine(): readonly [string, Line<T>] | undefined {
    const free = this.#limits.total - this.#running;
    for (const entry of this.#lines) {
      if (entry[1].waiting.size > 0 && entry[1].running < free) return entry;
    }
    return undefined;
  }

  #forgetIfIdle(key: string, line: Line<T>): void {
    if (line.running === 0 && line.waiting.size === 0) this.#lines.delete(key);
  }
}
