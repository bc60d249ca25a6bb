/**
 * Carries out a batch of steps on the calling thread. `apply` stops at the first failure; `applyAll` goes on and returns all
 * failures. Removals of links that follow one another in one namespace are one operation, and so are entries of one table; of
 * the entries behind one that fails some may have been carried out.
 */
import { messageOf } from "../../base/errors.ts";
import type { LinkFact } from "../facts.ts";
import { KernelError, type KernelFailure } from "../kernel-error.ts";
import type { Step } from "../step.ts";
import type { Namespaces } from "../system/namespace.ts";
import { applyEntries, isEntry, isEntryStep, isSameTable } from "./apply-entries.ts";
import { ensureFact } from "./ensure-fact.ts";
import { isMoved } from "./move-link.ts";
import { isPresent, removeFact } from "./remove-fact.ts";
import { removeLinks } from "./remove-links.ts";
import { Session } from "./session.ts";

/** Throws the KernelError of the first step that fails, with the number of steps before it. */
export function apply(namespaces: Namespaces, steps: readonly Step[]): void {
  using session = new Session(namespaces);
  let before = 0;
  for (const run of runs(steps)) {
    const [failure] = perform(session, run);
    if (failure !== undefined) throw new KernelError(shifted(failure, before));
    before += run.length;
  }
}

/** Every failure, in the order of the steps. */
export function applyAll(namespaces: Namespaces, steps: readonly Step[]): readonly KernelFailure[] {
  using session = new Session(namespaces);
  const failures: KernelFailure[] = [];
  let before = 0;
  for (const run of runs(steps)) {
    failures.push(...perform(session, run).map((failure) => shifted(failure, before)));
    before += run.length;
  }
  return failures;
}

/** From steps of its run to steps of the batch. */
function shifted(failure: KernelFailure, before: number): KernelFailure {
  return { ...failure, completed: before + (failure.completed ?? 0) };
}

/** Anything thrown in this thread, as data. */
export function failureOf(cause: unknown): KernelFailure {
  return cause instanceof KernelError ? cause.toFailure() : { operation: messageOf(cause), errno: 0 };
}

/** The failures, each with how many steps of the run came before it. */
function perform(session: Session, run: readonly Step[]): readonly KernelFailure[] {
  try {
    if (run.every(isEntryStep)) return applyEntries(session, run);
    if (run.length > 1) removeRun(session, run);
    else for (const step of run) performOne(session, step);
    return [];
  } catch (cause) {
    return [{ ...failureOf(cause), completed: 0 }];
  }
}

function performOne(session: Session, { action, fact }: Step): void {
  if (isEntry(fact)) return;
  if (action === "ensure") ensureFact(session, fact);
  else removeFact(session, fact);
}

function removeRun(session: Session, run: readonly Step[]): void {
  const facts = run.map((step) => step.fact).filter((fact): fact is LinkFact => fact.kind === "link");
  const namespace = facts[0]?.namespace;
  if (namespace !== undefined && isPresent(namespace)) removeLinks(session.socket(namespace), facts);
}

/** A datagram of this many link removals or entries stays far below the socket's send buffer, and their answers below its other. */
const MAX_RUN = 500;

/** Steps one by one, except removals of links in one namespace in a row, and entries of one table. */
function runs(steps: readonly Step[]): readonly (readonly Step[])[] {
  const result: Step[][] = [];
  for (const step of steps) {
    const last = result.at(-1);
    if (last !== undefined && last.length < MAX_RUN && joins(last[0], step)) last.push(step);
    else result.push([step]);
  }
  return result;
}

function joins(first: Step | undefined, step: Step): boolean {
  if (first === undefined) return false;
  if (isEntryStep(first)) return isEntryStep(step) && isSameTable(first, step);
  return isLinkRemoval(first) && isLinkRemoval(step) && first.fact.namespace === step.fact.namespace;
}

function isLinkRemoval(step: Step): step is Step & { readonly fact: LinkFact } {
  return step.action === "remove" && step.fact.kind === "link" && !isMoved(step.fact);
}
