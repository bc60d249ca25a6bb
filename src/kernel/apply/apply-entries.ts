/**
 * Entries of neighbour and forwarding tables, many of one link to a datagram: a host that joins a network of ten thousand
 * containers makes twenty thousand of them.
 */
import { constants } from "node:os";
import { formatAddress } from "../../addr/ip-address.ts";
import { formatMac } from "../../addr/mac-address.ts";
import type { ForwardingFact, KernelFact, NeighbourFact } from "../facts.ts";
import { KernelError, type KernelFailure } from "../kernel-error.ts";
import type { Request } from "../netlink/message.ts";
import { demand } from "../netlink/socket.ts";
import { encodeForwarding, encodeNeighbour } from "../route/neighbour.ts";
import type { Step } from "../step.ts";
import { NLM_F } from "../uapi/netlink.ts";
import { RTM } from "../uapi/rtnetlink.ts";
import { findLink, requireLink } from "./find-link.ts";
import { isPresent } from "./remove-fact.ts";
import type { Session } from "./session.ts";

export type EntryFact = NeighbourFact | ForwardingFact;

export interface EntryStep extends Step {
  readonly fact: EntryFact;
}

export function isEntry(fact: KernelFact): fact is EntryFact {
  return fact.kind === "neighbour" || fact.kind === "forwarding";
}

export function isEntryStep(step: Step): step is EntryStep {
  return isEntry(step.fact);
}

/** Whether the steps can be carried out together. */
export function isSameTable(one: EntryStep, other: EntryStep): boolean {
  return (
    one.action === other.action && one.fact.namespace === other.fact.namespace && one.fact.link === other.fact.link
  );
}

/**
 * Steps of one table, at most as many as a datagram takes. Carries out all of them, also after one that fails, and answers the
 * failures, each with the number of steps before it.
 */
export function applyEntries(session: Session, steps: readonly EntryStep[]): readonly KernelFailure[] {
  const index = indexOf(session, steps);
  if (index === undefined) return [];
  const [first] = steps;
  if (first === undefined) return [];
  const answers = session.socket(first.fact.namespace).execute(steps.map((step) => requestOf(step, index)));
  return steps.flatMap((step, completed): KernelFailure[] => {
    try {
      demand(answers[completed], describe(step), acceptedFor(step));
      return [];
    } catch (cause) {
      if (!(cause instanceof KernelError)) throw cause;
      return [{ ...cause.toFailure(), completed }];
    }
  });
}

/** Undefined: the link is not there, and that is what was wanted. Throws KernelError ENODEV where it was not. */
function indexOf(session: Session, [first]: readonly EntryStep[]): number | undefined {
  if (first === undefined) return undefined;
  const { namespace, link } = first.fact;
  if (first.action === "ensure") return requireLink(session.socket(namespace), link, describe(first)).index;
  return isPresent(namespace) ? findLink(session.socket(namespace), link)?.index : undefined;
}

/**
 * Equivalent to: `ip neigh replace ADDR lladdr MAC dev LINK nud permanent`, `ip neigh del ADDR dev LINK`, `bridge fdb replace MAC
 * dev LINK dst ADDR self permanent`, `bridge fdb del MAC dev LINK dst ADDR self`; for the all-zero MAC, whose entry is the list
 * of where to send what has no entry, `bridge fdb append`.
 */
function requestOf({ action, fact }: EntryStep, index: number): Request {
  const isList = fact.kind === "forwarding" && fact.mac.mac === 0n;
  const payload =
    fact.kind === "forwarding"
      ? encodeForwarding(index, fact.mac, fact.destination)
      : encodeNeighbour(index, fact.address, ...(action === "ensure" ? [fact.mac] : []));
  if (action === "remove") return { type: RTM.DELNEIGH, flags: 0, payload };
  return { type: RTM.NEWNEIGH, flags: NLM_F.CREATE | (isList ? NLM_F.APPEND : NLM_F.REPLACE), payload };
}

function acceptedFor({ action, fact }: EntryStep): readonly number[] {
  const { EADDRNOTAVAIL, EEXIST, ENODEV, ENOENT, ESRCH } = constants.errno;
  if (action === "remove") return [EADDRNOTAVAIL, ENODEV, ENOENT, ESRCH];
  return fact.kind === "forwarding" ? [EEXIST] : [];
}

function describe({ action, fact }: EntryStep): string {
  const verb = action === "ensure" ? "add" : "remove";
  if (fact.kind === "neighbour") return `${verb} neighbour ${formatAddress(fact.address)} on ${fact.link}`;
  const to = action === "ensure" ? ` to ${formatAddress(fact.destination)}` : "";
  return `${verb} forwarding of ${formatMac(fact.mac)}${to} on ${fact.link}`;
}
