/** Makes one fact not hold, entries of tables excepted (`apply-entries.ts`). Idempotent: absence, also of the link or namespace that it was in, is success. */
import { constants } from "node:os";
import { formatPrefix, networkOf, samePrefix } from "../../addr/prefix.ts";
import { HOST, type AddressFact, type KernelFact, type NamespaceRef, type RouteFact } from "../facts.ts";
import { demand, type NetlinkSocket } from "../netlink/socket.ts";
import { decodeAddress, encodeNewAddress, encodeOldAddress, type AddressMessage } from "../route/address.ts";
import { encodeOldRoute } from "../route/route.ts";
import { isNamespaceFile } from "../system/namespace.ts";
import { NLM_F } from "../uapi/netlink.ts";
import { RTM } from "../uapi/rtnetlink.ts";
import { AF } from "../uapi/system.ts";
import type { EntryFact } from "./apply-entries.ts";
import { findLink } from "./find-link.ts";
import { isMoved, moveOut } from "./move-link.ts";
import { removeLinks } from "./remove-links.ts";
import type { Session } from "./session.ts";

const { EADDRNOTAVAIL, ENODEV, ENOENT, ESRCH } = constants.errno;

/** Throws KernelError when the kernel refuses for another reason than absence. */
export function removeFact(session: Session, fact: Exclude<KernelFact, EntryFact>): void {
  switch (fact.kind) {
    case "namespace":
      session.forget(fact.path);
      return session.namespaces.remove(fact.path);
    case "sysctl":
      return undefined;
    case "link":
      if (!isPresent(fact.namespace)) return undefined;
      return isMoved(fact) ? moveOut(session, fact) : removeLinks(session.socket(fact.namespace), [fact]);
    case "address":
    case "route":
      return removeFromLink(session, fact);
  }
}

/** Whether there is such a namespace. */
export function isPresent(namespace: NamespaceRef): boolean {
  return namespace === HOST || isNamespaceFile(namespace);
}

type FactOfLink = AddressFact | RouteFact;

function removeFromLink(session: Session, fact: FactOfLink): void {
  if (!isPresent(fact.namespace)) return;
  const socket = session.socket(fact.namespace);
  const index = findLink(socket, fact.link)?.index;
  if (index === undefined) return;
  switch (fact.kind) {
    case "address":
      return removeAddress(socket, index, fact);
    case "route": {
      const operation = `remove route ${formatPrefix(fact.destination)} on ${fact.link}`;
      return remove(socket, RTM.DELROUTE, { payload: encodeOldRoute({ ...fact, index }), operation });
    }
  }
}

/**
 * Equivalent to: `ip addr del ADDR/LEN dev LINK`. With a primary IPv4 address the kernel drops the secondary ones of its
 * subnet too (unless promote_secondaries is set); those are put back, since nobody asked for their removal.
 */
function removeAddress(socket: NetlinkSocket, index: number, fact: AddressFact): void {
  const operation = `remove address ${formatPrefix(fact.address)} from ${fact.link}`;
  const before = fact.address.address.family === 4 ? addressesOf(socket, index) : [];
  remove(socket, RTM.DELADDR, { payload: encodeOldAddress(index, fact.address), operation });
  const network = networkOf(fact.address);
  const dependent = before.filter(
    ({ address, secondary }) =>
      secondary && !samePrefix(address, fact.address) && samePrefix(networkOf(address), network),
  );
  for (const { address } of dependent) {
    const payload = encodeNewAddress(index, address);
    const [answer] = socket.execute([{ type: RTM.NEWADDR, flags: NLM_F.CREATE | NLM_F.REPLACE, payload }]);
    demand(answer, `keep address ${formatPrefix(address)} on ${fact.link}`);
  }
}

/** The IPv4 addresses of one link. */
function addressesOf(socket: NetlinkSocket, index: number): readonly AddressMessage[] {
  const payload = new Uint8Array(8);
  payload[0] = AF.INET;
  const messages = socket.dump({ type: RTM.GETADDR, flags: 0, payload }, "list addresses");
  return messages
    .map((message) => decodeAddress(message.payload))
    .filter((address) => address !== undefined)
    .filter((address) => address.index === index);
}

function remove(
  socket: NetlinkSocket,
  type: number,
  { payload, operation }: { readonly payload: Uint8Array; readonly operation: string },
): void {
  const [answer] = socket.execute([{ type, flags: 0, payload }]);
  demand(answer, operation, [EADDRNOTAVAIL, ENODEV, ENOENT, ESRCH]);
}
