/**
 * Plans: from two sets of facts, or from facts and what the kernel has, to steps. Pure functions without I/O; the kernel
 * thread carries out what they say.
 */
export { factKey, linkKey } from "./plan/fact-key.ts";
export { planChange } from "./plan/plan-change.ts";
export { planRepair, sysctlKeys } from "./plan/plan-repair.ts";
