/** How often the kernel was found to differ from what is intended, and was put right. Counted since the process began. */
import type { KernelFact } from "../kernel/facts.ts";
import type { Step } from "../kernel/step.ts";

export type DriftKind = KernelFact["kind"];

export class Drift {
  readonly #byKind: Record<DriftKind, number> = {
    namespace: 0,
    link: 0,
    address: 0,
    route: 0,
    neighbour: 0,
    forwarding: 0,
    sysctl: 0,
  };

  /** Each step puts right one thing that was missing, wrong or too much. */
  count(steps: readonly Step[]): void {
    for (const { fact } of steps) this.#byKind[fact.kind]++;
  }

  byKind(): Readonly<Record<DriftKind, number>> {
    return { ...this.#byKind };
  }

  get total(): number {
    return Object.values(this.#byKind).reduce((sum, count) => sum + count, 0);
  }
}
