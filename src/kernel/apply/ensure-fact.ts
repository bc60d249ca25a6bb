/** Makes one fact hold, entries of tables excepted (`apply-entries.ts`). Idempotent: what holds already is left as it is. */
import { formatAddress } from "../../addr/ip-address.ts";
import { formatPrefix } from "../../addr/prefix.ts";
import type { AddressFact, KernelFact, NamespaceRef, RouteFact } from "../facts.ts";
import { demand } from "../netlink/socket.ts";
import { encodeNewAddress } from "../route/address.ts";
import { encodeNewRoute } from "../route/route.ts";
import { writeSysctl } from "../system/sysctl.ts";
import { NLM_F } from "../uapi/netlink.ts";
import { RTM } from "../uapi/rtnetlink.ts";
import type { EntryFact } from "./apply-entries.ts";
import { ensureLink } from "./ensure-link.ts";
import { requireLink } from "./find-link.ts";
import type { Session } from "./session.ts";

/** Throws KernelError when the kernel refuses; the fact's part of the kernel is then as before. */
export function ensureFact(session: Session, fact: Exclude<KernelFact, EntryFact>): void {
  switch (fact.kind) {
    case "namespace":
      return session.namespaces.ensure(fact.path);
    case "link":
      return ensureLink(session, fact);
    case "address":
      return ensureAddress(session, fact);
    case "route":
      return ensureRoute(session, fact);
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
