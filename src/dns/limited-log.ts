/**
 * A log that says each thing at most once per two seconds, and then how often it was said in between: what containers can
 * provoke must not fill the disk.
 */
import type { Clock } from "../base/clock.ts";

const INTERVAL_MS = 2000;

export type Say = (fields: Readonly<Record<string, string | number>>, message: string) => void;

interface Said {
  at: number;
  suppressed: number;
}

export class LimitedLog {
  readonly #say: Say;
  readonly #clock: Pick<Clock, "now">;
  /** By message; messages are constants of ours, so there are few. */
  readonly #said = new Map<string, Said>();

  constructor(say: Say, clock: Pick<Clock, "now">) {
    this.#say = say;
    this.#clock = clock;
  }

  warn(fields: Readonly<Record<string, string | number>>, message: string): void {
    const now = this.#clock.now();
    const said = this.#said.get(message);
    if (said !== undefined && now - said.at < INTERVAL_MS) {
      said.suppressed++;
      return;
    }
    this.#said.set(message, { at: now, suppressed: 0 });
    const suppressed = said?.suppressed ?? 0;
    this.#say(suppressed > 0 ? { ...fields, suppressed } : fields, message);
  }
}
