/** A step is the smallest thing the kernel thread does: make a fact hold, or make it not hold. Both are idempotent. */
import type { KernelFact } from "./facts.ts";

export interface Step {
  readonly action: "ensure" | "remove";
  readonly fact: KernelFact;
}
