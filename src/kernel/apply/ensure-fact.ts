/** Makes one fact hold. Idempotent: what holds already is left as it is. */
import { constants } from "node:os";
import { formatAddress } from "../../addr/ip-address.ts";
import { formatMac } from "../../addr/mac-address.ts";
import { formatPrefix } from "../../addr/prefix.ts";
import type { AddressFact, ForwardingFact, KernelFact, NamespaceRef, NeighbourFact, RouteFact } from "../facts.ts";
import { demand } from "../netlink/socket.ts";
import { encodeNewAddress } from "../route/address.ts";
import { encodeForwarding, encodeNeighbour } from "../route/neighbour.ts";
import { encodeNewRoute } from "../route/route.ts";
import { writeSysctl } from "../system/sysctl.ts";
import { NLM_F } from "../uapi/netlink.ts";
import { RTM } from "../uapi/rtnetlink.ts";
import { ensureLink } from "./ensure-link.ts";
import { requireLink } from "./find-link.ts";
import type { Session } from "./session.ts";

/** Throws KernelError when the kernel refuses; the fact's part of the kernel is then as before. */
export function ensureFact(session: Session, fact: KernelFact): void {
  switch (fact.kind) {
    case "namespace":
      return session.namespaces.ensure(fact.path);
    case "link":
      return ensureLink(session, fact);
    case "address":
      return ensureAddress(session, fact);
    case "route":
      return ensureRoute(session, fact);
    case "neighbour":
      return ensureNeighbour(session, fact);
    case "forwarding":
      return ensureForwarding(session, fact);
    case "sysctl":
      return session.namespaces.inside(fact.namespace, () => writeSysctl(fact.key, fact.value));
  }
}

/** Equivalent to: `ip addr replace ADDR/LEN brd + dev LINK`, with `nodad` for IPv6. */
function ensureAddress(session: Session, fact: AddressFact): void {
  const operation = `add address ${formatPrefix(fact.address)} to ${fact.link}`;
  const payload = encodeNewAddress(indexOf(session, fact, operation), fact.address);
  replace(session, fact.namespace, { type: RTM.NEWADDR, payload, operation });
}

/** Equivalent to: `ip route replace DEST [via GATEWAY] dev LINK`. */
function ensureRoute(session: Session, fact: RouteFact): void {
  const via = fact.gateway === undefined ? "" : ` via ${formatAddress(fact.gateway)}`;
  const operation = `add route ${formatPrefix(fact.destination)}${via} on ${fact.link}`;
  const payload = encodeNewRoute({ ...fact, index: indexOf(session, fact, operation) });
  replace(session, fact.namespace, { type: RTM.NEWROUTE, payload, operation });
}

/** Equivalent to: `ip neigh replace ADDR lladdr MAC dev LINK nud permanent`. */
function ensureNeighbour(session: Session, fact: NeighbourFact): void {
  const operation = `add neighbour ${formatAddress(fact.address)} on ${fact.link}`;
  const payload = encodeNeighbour(indexOf(session, fact, operation), fact.address, fact.mac);
  replace(session, fact.namespace, { type: RTM.NEWNEIGH, payload, operation });
}

/**
 * Equivalent to: `bridge fdb replace MAC dev LINK dst ADDR self permanent`; for the all-zero MAC, whose entry is the list
 * of where to send what has no entry, `bridge fdb append`.
 */
function ensureForwarding(session: Session, fact: ForwardingFact): void {
  const operation = `add forwarding of ${formatMac(fact.mac)} to ${formatAddress(fact.destination)} on ${fact.link}`;
  const payload = encodeForwarding(indexOf(session, fact, operation), fact.mac, fact.destination);
  const flags = NLM_F.CREATE | (fact.mac.mac === 0n ? NLM_F.APPEND : NLM_F.REPLACE);
  const [answer] = session.socket(fact.namespace).execute([{ type: RTM.NEWNEIGH, flags, payload }]);
  demand(answer, operation, [constants.errno.EEXIST]);
}

function indexOf(
  session: Session,
  fact: { readonly namespace: NamespaceRef; readonly link: string },
  operation: string,
): number {
  return requireLink(session.socket(fact.namespace), fact.link, operation).index;
}

function replace(
  session: Session,
  namespace: NamespaceRef,
  { type, payload, operation }: { readonly type: number; readonly payload: Uint8Array; readonly operation: string },
): void {
  const [answer] = session.socket(namespace).execute([{ type, flags: NLM_F.CREATE | NLM_F.REPLACE, payload }]);
  demand(answer, operation);
}
