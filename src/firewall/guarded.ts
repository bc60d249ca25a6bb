/**
 * A firewall whose rules come back when somebody else takes them away: `iptables -F`, a restored or reloaded ruleset of another
 * tool. The kernel is asked twice a second whether rules changed, which costs it a few microseconds; only when they did, and
 * not by us, are they looked at. What is not ours is none of our business: it stays as whoever changed it left it.
 */
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { HOST } from "../kernel/facts.ts";
import type { FilterGeneration, Kernel } from "../kernel/kernel.ts";
import type { Firewall, Policy, PolicyChange } from "./firewall.ts";

const POLL_MS = 400;
/** Where changes may go unseen: of legacy tables, those that keep their size; else those that came in between ours. */
const LOOK_ANYWAY_MS = 30_000;
/** Tools that change rules all the time: looking takes at most a tenth of our time. */
const LOOK_SHARE = 10;
const MAX_DELAY_MS = 30_000;

export interface GuardedOptions {
  readonly kernel: Pick<Kernel, "filterGeneration">;
  readonly log: Log;
}

export class GuardedFirewall implements Firewall {
  readonly #firewall: Firewall;
  readonly #options: GuardedOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  /** The generation that our last change left; undefined until then. */
  #seen: string | undefined;
  /** Somebody else changed something since then, seen as we changed something ourselves. */
  #isSuspect = false;
  /** Changes of ours that are under way. */
  #changing = 0;
  /** How many changes of ours there have been. */
  #changed = 0;
  /** Whether we changed something since the last look. */
  #isUnproven = false;
  #lookedAtMs = performance.now();
  #lastLookMs = 0;
  #failures = 0;
  #closed = false;

  constructor(firewall: Firewall, options: GuardedOptions) {
    this.#firewall = firewall;
    this.#options = options;
  }

  get backend(): string {
    return this.#firewall.backend;
  }

  reconcile(policies: readonly Policy[]): Promise<{ readonly added: number; readonly removed: number }> {
    return this.#change(() => this.#firewall.reconcile(policies));
  }

  apply(change: PolicyChange): Promise<void> {
    return this.#change(() => this.#firewall.apply(change));
  }

  repair(): Promise<{ readonly added: number; readonly removed: number }> {
    return this.#change(() => this.#firewall.repair());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#looking;
    await this.#firewall[Symbol.asyncDispose]();
  }

  /** A change of ours, after which the generation is another and no reason to look. */
  async #change<T>(body: () => Promise<T>): Promise<T> {
    const before = await this.#generation();
    if (this.#changing === 0 && this.#seen !== undefined && before?.id !== this.#seen) this.#isSuspect = true;
    this.#changing++;
    try {
      return await body();
    } finally {
      this.#isUnproven = true;
      this.#changed++;
      if (this.#changing === 1) await this.#notice();
      this.#changing--;
      this.#schedule(POLL_MS);
    }
  }

  /**
   * Notes the generation that our changes left. Runs while a change still counts as under way, because a look in between
   * would take our own change for somebody else's.
   */
  async #notice(): Promise<void> {
    let noticed: number;
    do {
      noticed = this.#changed;
      this.#seen = (await this.#generation())?.id;
    } while (noticed !== this.#changed);
  }

  #schedule(delayMs: number): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#looking = this.#poll();
    }, delayMs).unref();
  }

  async #poll(): Promise<void> {
    const now = await this.#generation();
    if (!this.#closed && now !== undefined && this.#mustLook(now)) await this.#look();
    this.#schedule(this.#delayMs());
  }

  #mustLook({ id, exact }: FilterGeneration): boolean {
    if (this.#changing > 0 || this.#seen === undefined) return false;
    if (id !== this.#seen || this.#isSuspect) return true;
    return (this.#isUnproven || !exact) && performance.now() - this.#lookedAtMs > LOOK_ANYWAY_MS;
  }

  async #look(): Promise<void> {
    const started = performance.now();
    try {
      const counts = await this.repair();
      this.#isSuspect = false;
      this.#isUnproven = counts.added + counts.removed > 0;
      this.#failures = 0;
      if (this.#isUnproven) this.#options.log.warn(counts, "somebody else changed firewall rules of ours; put back");
    } catch (cause) {
      this.#failures++;
      this.#isSuspect = true;
      this.#options.log.error({ err: cause }, `firewall rules could not be put back: ${messageOf(cause)}`);
    }
    this.#lookedAtMs = performance.now();
    this.#lastLookMs = this.#lookedAtMs - started;
  }

  #delayMs(): number {
    if (this.#failures > 0) return Math.min(MAX_DELAY_MS, POLL_MS * 2 ** this.#failures);
    return Math.max(POLL_MS, this.#lastLookMs * LOOK_SHARE);
  }

  /** Undefined when the kernel does not say. */
  async #generation(): Promise<FilterGeneration | undefined> {
    return this.#options.kernel.filterGeneration(HOST).catch(() => undefined);
  }
}
