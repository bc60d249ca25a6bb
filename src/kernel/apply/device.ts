/**
 * What the names in a link fact stand for, and whether a link that exists is the device that the fact means: of its kind,
 * and with the traits that only its creation can give it.
 */
import { constants } from "node:os";
import { isGivenAway, type Device, type LinkFact, type NamespaceRef } from "../facts.ts";
import { KernelError } from "../kernel-error.ts";
import { demand } from "../netlink/socket.ts";
import { sameVxlan } from "../plan/same-vxlan.ts";
import type { LinkHandles } from "../route/link-attributes.ts";
import type { LinkMessage } from "../route/link.ts";
import { decodeNamespaceId, encodeGetNamespaceId, encodeNewNamespaceId } from "../route/namespace-id.ts";
import { IPVLAN_F, IPVLAN_MODE, MACVLAN_MODE } from "../uapi/if-link.ts";
import { RTM } from "../uapi/rtnetlink.ts";
import { findLink, requireLink } from "./find-link.ts";
import type { Session } from "./session.ts";

type Veth = Extract<Device, { type: "veth" }>;
/** Devices that stand on a parent that may be in another namespace. */
type OnParent = Extract<Device, { type: "macvlan" | "ipvlan" }>;

/** Looks up what a new link refers to. Throws KernelError when a master, parent or namespace is missing. */
export function linkHandles(session: Session, fact: LinkFact): LinkHandles {
  const operation = `create link ${fact.name}`;
  const socket = session.socket(fact.namespace);
  const masterIndex = fact.master === undefined ? undefined : requireLink(socket, fact.master, operation).index;
  return {
    ...(masterIndex === undefined ? {} : { masterIndex }),
    ...deviceHandles(session, fact, operation),
  };
}

function deviceHandles(session: Session, { namespace, device }: LinkFact, operation: string): LinkHandles {
  switch (device.type) {
    case "loopback":
    case "unknown":
    case "moved":
    case "bridge":
    case "dummy":
      return {};
    case "vlan":
      return { parentIndex: requireLink(session.socket(namespace), device.parent, operation).index };
    case "veth":
      return device.peer.namespace === namespace ? {} : { peerNamespaceFd: session.namespaceFd(device.peer.namespace) };
    case "vxlan":
      return namespaceHandle(session, namespace, device.underlay ?? namespace);
    case "macvlan":
    case "ipvlan": {
      const parentIndex = requireLink(session.socket(device.parentNamespace), device.parent, operation).index;
      return { parentIndex, ...namespaceHandle(session, namespace, device.parentNamespace) };
    }
  }
}

function namespaceHandle(session: Session, own: NamespaceRef, other: NamespaceRef): LinkHandles {
  return own === other ? {} : { linkNamespaceId: ensureNamespaceId(session, own, other) };
}

/** The number by which `own` calls `other`, given if it had none. Equivalent to: `ip netns set OTHER auto`. */
function ensureNamespaceId(session: Session, own: NamespaceRef, other: NamespaceRef): number {
  const fd = session.namespaceFd(other);
  const [given, asked] = session.socket(own).execute([
    { type: RTM.NEWNSID, flags: 0, payload: encodeNewNamespaceId(fd) },
    { type: RTM.GETNSID, flags: 0, payload: encodeGetNamespaceId(fd) },
  ]);
  const operation = `number namespace ${other}`;
  demand(given, operation, [constants.errno.EEXIST]);
  const [message] = demand(asked, operation).messages;
  const id = message === undefined ? undefined : decodeNamespaceId(message.payload);
  if (id === undefined) throw new KernelError({ operation, errno: 0, detail: "the kernel gave it no number" });
  return id;
}

/** Whether the link is such a device; never true for one that would have to be made anew. */
export function isSameDevice(session: Session, fact: LinkFact, found: LinkMessage): boolean {
  const { device } = fact;
  switch (device.type) {
    case "loopback":
      return found.kind === "";
    case "unknown":
      return found.kind === device.kind;
    case "moved":
      return found.alias === fact.alias;
    case "bridge":
    case "dummy":
      return found.kind === device.type;
    case "vlan":
      return sameVlan(session, fact.namespace, device, found);
    case "veth":
      return found.kind === "veth" && (isGivenAway(fact) || isPair(found, vethPeer(session, device)));
    case "vxlan":
      return found.vxlan !== undefined && sameVxlan(device, fact.namespace, found.vxlan);
    case "macvlan":
      return MACVLAN_MODE[device.mode] === found.macvlanMode && isOnParent(session, device, found);
    case "ipvlan":
      return sameIpvlan(device, found) && isOnParent(session, device, found);
  }
}

/** The link that stands where a veth's peer should be. Throws KernelError when its namespace is missing. */
export function vethPeer(session: Session, device: Veth): LinkMessage | undefined {
  return findLink(session.socket(device.peer.namespace), device.peer.name);
}

/** Each end names the other's index. */
function isPair(one: LinkMessage, other: LinkMessage | undefined): boolean {
  return other?.kind === "veth" && one.linkIndex === other.index && other.linkIndex === one.index;
}

function isOnParent(session: Session, wanted: OnParent, found: LinkMessage): boolean {
  const parent = findLink(session.socket(wanted.parentNamespace), wanted.parent);
  return parent?.index === found.linkIndex;
}

function sameIpvlan(wanted: Extract<Device, { type: "ipvlan" }>, { ipvlan }: LinkMessage): boolean {
  return ipvlan?.mode === IPVLAN_MODE[wanted.mode] && ipvlan.flags === IPVLAN_F[wanted.flag];
}

function sameVlan(
  session: Session,
  namespace: NamespaceRef,
  wanted: Extract<Device, { type: "vlan" }>,
  found: LinkMessage,
): boolean {
  const parent = findLink(session.socket(namespace), wanted.parent);
  return found.kind === "vlan" && found.vlanId === wanted.id && parent?.index === found.linkIndex;
}
