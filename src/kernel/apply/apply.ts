/**
 * Carries out a batch of steps on the calling thread. `apply` stops at the first failure; `applyAll` goes on and returns all
 * failures. Removals of links that follow one another in one namespace are one operation.
 */
import { messageOf } from "../../base/errors.ts";
import type { LinkFact } from "../facts.ts";
import { KernelError, type KernelFailure } from "../kernel-error.ts";
import type { Step } from "../step.ts";
import type { Namespaces } from "../system/namespace.ts";
import { ensureFact } from "./ensure-fact.ts";
import { isMoved } from "./move-link.ts";
import { isPresent, removeFact } from "./remove-fact.ts";
import { removeLinks } from "./remove-links.ts";
import { Session } from "./session.ts";

/** Throws the KernelError of the first step that fails, with the number of steps before it. */
export function apply(namespaces: Namespaces, steps: readonly Step[]): void {
  using session = new Session(namespaces);
  let completed = 0;
  for (const run of runs(steps)) {
    try {
      perform(session, run);
    } catch (cause) {
      throw new KernelError({ ...failureOf(cause), completed }, { cause });
    }
    completed += run.length;
  }
}

/** Every failure, in the order of the steps. */
export function applyAll(namespaces: Namespaces, steps: readonly Step[]): readonly KernelFailure[] {
  using session = new Session(namespaces);
  const failures: KernelFailure[] = [];
  let completed = 0;
  for (const run of runs(steps)) {
    try {
      perform(session, run);
    } catch (cause) {
      failures.push({ ...failureOf(cause), completed });
    }
    completed += run.length;
  }
  return failures;
}

/** Anything thrown in this thread, as data. */
export function failureOf(cause: unknown): KernelFailure {
  return cause instanceof KernelError ? cause.toFailure() : { operation: messageOf(cause), errno: 0 };
}

function perform(session: Session, run: readonly Step[]): void {
  const [first] = run;
  if (first === undefined) return;
  if (run.length === 1) {
    if (first.action === "ensure") ensureFact(session, first.fact);
    else removeFact(session, first.fact);
    return;
  }
  const facts = run.map((step) => step.fact).filter((fact): fact is LinkFact => fact.kind === "link");
  const namespace = facts[0]?.namespace;
  if (namespace !== undefined && isPresent(namespace)) removeLinks(session.socket(namespace), facts);
}

/** A datagram of this many link removals stays far below the socket's send buffer. */
const MAX_RUN = 500;

/** Steps one by one, except removals of links in one namespace in a row. */
function runs(steps: readonly Step[]): readonly (readonly Step[])[] {
  const result: Step[][] = [];
  for (const step of steps) {
    const last = result.at(-1);
    if (last !== undefined && last.length < MAX_RUN && isLinkRemoval(last[0]) && joins(last[0], step)) last.push(step);
    else result.push([step]);
  }
  return result;
}

function isLinkRemoval(step: Step | undefined): boolean {
  return step?.action === "remove" && step.fact.kind === "link" && !isMoved(step.fact);
}

function joins(first: Step | undefined, step: Step): boolean {
  if (first?.fact.kind !== "link" || step.fact.kind !== "link") return false;
  return isLinkRemoval(step) && first.fact.namespace === step.fact.namespace;
}
