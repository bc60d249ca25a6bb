/**
 * What happened, for whoever listens: `docker events`, the reconciler, tests. Events are facts in the past tense; emitting
 * never fails and never waits. The newest events are kept for listeners that ask for the recent past.
 */
import type { Clock } from "./clock.ts";

export interface EngineEvent {
  readonly type: "container" | "network" | "image" | "volume" | "daemon";
  /** Docker's word: "create", "start", "die", "connect", "destroy", ... */
  readonly action: string;
  readonly actorId: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly timeNs: bigint;
}

export type EventListener = (event: EngineEvent) => void;

/** Docker keeps 256 events for `since`; so do we. */
const HISTORY = 256;

export class EventBus {
  readonly #clock: Clock;
  readonly #listeners = new Set<EventListener>();
  readonly #history: EngineEvent[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  emit(event: Omit<EngineEvent, "timeNs">): void {
    const full: EngineEvent = { ...event, timeNs: this.#clock.nowNs() };
    this.#history.push(full);
    if (this.#history.length > HISTORY) this.#history.shift();
    for (const listener of this.#listeners) listener(full);
  }

  /** The newest events, oldest first. */
  recent(): readonly EngineEvent[] {
    return [...this.#history];
  }

  /** Calls `listener` for each later event until the returned function is called. Listeners must not throw. */
  subscribe(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
