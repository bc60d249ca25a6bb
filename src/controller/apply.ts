/**
 * Makes the kernel and the firewall follow from one desired state of a slice to the next: one batch of kernel steps, one
 * firewall change. `change` is all or nothing; `changeAll` goes on past failures.
 */
import { isDeepStrictEqual } from "node:util";
import { messageOf } from "../base/errors.ts";
import { NOTHING, type DesiredState } from "../drivers/driver.ts";
import { policyKey, type Policy, type PolicyChange } from "../firewall/firewall.ts";
import { planChange } from "../kernel/plan.ts";
import { attempt } from "./attempt.ts";
import type { World } from "./world.ts";

type Parts = Pick<World, "kernel" | "teardowns" | "firewall" | "log">;

/**
 * From `before` to `after`. Rules stand before what they guard is up. When anything fails, what was done is taken back and
 * the failure thrown.
 */
export async function change(parts: Parts, before: DesiredState, after: DesiredState): Promise<void> {
  const { kernel, firewall, log } = parts;
  const policies = policyChange(before.policies, after.policies);
  const steps = planChange(before.facts, after.facts);
  await attempt(log, "change of desired state", async (undo) => {
    if (!isEmpty(policies)) {
      undo.add("firewall change", () => firewall.apply(policyChange(after.policies, before.policies)));
      await firewall.apply(policies);
    }
    if (steps.length > 0) {
      undo.add("kernel steps", () => kernel.applyAll(planChange(after.facts, before.facts)));
      await kernel.apply(steps);
    }
  });
}

/**
 * From `before` to `after` without stopping at failures, links before the rules that guard them: for removal and for undoing.
 * Throws an AggregateError of all that failed.
 */
export async function changeAll(parts: Parts, before: DesiredState, after: DesiredState): Promise<void> {
  const failures: unknown[] = [];
  const note = (cause: unknown): void => void failures.push(cause);
  const steps = planChange(before.facts, after.facts);
  if (steps.length > 0) await parts.teardowns.applyAll(steps).catch(note);
  const policies = policyChange(before.policies, after.policies);
  if (!isEmpty(policies)) await parts.firewall.apply(policies).catch(note);
  if (failures.length > 0) throw new AggregateError(failures, failures.map(messageOf).join("; "));
}

/** Removes all that `state` says. */
export async function tearDown(parts: Parts, state: DesiredState): Promise<void> {
  await changeAll(parts, state, NOTHING);
}

function isEmpty(policies: PolicyChange): boolean {
  return policies.add.length + policies.remove.length === 0;
}

/** Policies whose key stays are changed by adding them anew under that key; the old one is named so that it goes. */
export function policyChange(before: readonly Policy[], after: readonly Policy[]): PolicyChange {
  const old = new Map(before.map((policy) => [policyKey(policy), policy]));
  const next = new Map(after.map((policy) => [policyKey(policy), policy]));
  const same = (key: string): boolean => isDeepStrictEqual(old.get(key), next.get(key));
  return {
    add: after.filter((policy) => !same(policyKey(policy))),
    remove: before.filter((policy) => !same(policyKey(policy))),
  };
}
