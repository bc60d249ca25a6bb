/**
 * Makes a link be as its fact says: created whole, its mark in the same datagram, or, if it is there and ours or may be
 * adopted, brought in line attribute by attribute. A link that is neither stays untouched and the step fails with EEXIST.
 */
import { constants } from "node:os";
import { isGivenAway, isLeftAlone, MARK, type LinkFact } from "../facts.ts";
import { KernelError } from "../kernel-error.ts";
import { bytesAttribute, textAttribute, u32Attribute, type Attribute } from "../netlink/attribute.ts";
import type { Request } from "../netlink/message.ts";
import { demand, type NetlinkSocket } from "../netlink/socket.ts";
import { createAttributes, hairpinAttributes, hardwareAttributes } from "../route/link-attributes.ts";
import { encodeLink, type LinkMessage } from "../route/link.ts";
import { IFLA } from "../uapi/if-link.ts";
import { NLM_F } from "../uapi/netlink.ts";
import { RTM } from "../uapi/rtnetlink.ts";
import { AF } from "../uapi/system.ts";
import { isSameDevice, linkHandles, vethPeer } from "./device.ts";
import { findLink, requireLink } from "./find-link.ts";
import { isMoved, moveIn } from "./move-link.ts";
import { refusedLink } from "./refused-link.ts";
import type { Session } from "./session.ts";

/** Equivalent to: `ip link add`, or `ip link set` where the link exists. */
export function ensureLink(session: Session, fact: LinkFact): void {
  const socket = session.socket(fact.namespace);
  const found = findLink(socket, fact.name);
  if (found === undefined) {
    createLink(session, fact);
  } else if (isLeftAlone(fact, found.alias)) {
    return;
  } else if (isSameDevice(session, fact, found)) {
    if (!mayConfigure(fact, found)) throw notOurs(fact, `a link of that name is there and not ours`);
    alignLink(socket, fact, found);
    alignPeer(session, fact);
  } else if (isOurs(fact, found)) {
    deleteLink(socket, found);
    createLink(session, fact);
  } else {
    throw notOurs(fact, `a link of that name is there, not ours, and not such a ${fact.device.type}`);
  }
}

/** Whether we made the link: it carries the mark, or the fact's own alias. */
export function isOurs(fact: LinkFact, found: LinkMessage): boolean {
  return found.alias !== undefined && (found.alias.startsWith(MARK) || found.alias === fact.alias);
}

/** Whether the link is adopted from somebody, whose other neighbours know it by its MAC. */
function isTheirs(fact: LinkFact, found: LinkMessage): boolean {
  return fact.adopt === true && !isOurs(fact, found);
}

function mayConfigure(fact: LinkFact, found: LinkMessage): boolean {
  return fact.adopt === true || fact.alias === undefined || isOurs(fact, found);
}

function notOurs(fact: LinkFact, detail: string): KernelError {
  return new KernelError({ operation: `create link ${fact.name}`, errno: constants.errno.EEXIST, detail });
}

function createLink(session: Session, fact: LinkFact): void {
  if (isMoved(fact)) return moveIn(session, fact);
  const operation = `create link ${fact.name}`;
  if (fact.alias === undefined || fact.device.type === "loopback" || fact.device.type === "unknown") {
    throw new KernelError({
      operation: `configure link ${fact.name}`,
      errno: constants.errno.ENODEV,
      detail: "no such link",
    });
  }
  const socket = session.socket(fact.namespace);
  const payload = encodeLink({ up: fact.up }, createAttributes(fact, linkHandles(session, fact)));
  const create = { type: RTM.NEWLINK, flags: NLM_F.CREATE | NLM_F.EXCL, payload };
  const name = textAttribute(IFLA.IFNAME, fact.name);
  const mark = { type: RTM.SETLINK, flags: 0, payload: encodeLink({}, [name, aliasAttribute(fact.alias)]) };
  const [created, marked] = socket.execute([create, mark]);
  // Somebody made a link of that name since we looked, and our mark landed on it: take it off again.
  if (created?.errno === constants.errno.EEXIST && marked?.errno === 0) {
    socket.execute([{ ...mark, payload: encodeLink({}, [name, aliasAttribute("")]) }]);
  }
  const refused = refusedLink(fact, created?.errno ?? 0);
  if (refused !== undefined) throw refused;
  demand(created, operation);
  try {
    demand(marked, `mark link ${fact.name}`);
    if (fact.hairpin !== undefined) setHairpin(socket, requireLink(socket, fact.name, operation), fact.hairpin);
    raisePeer(session, fact);
    if (fact.device.type === "macvlan" && fact.device.mode === "passthru") takeOverMac(socket, fact);
  } catch (cause) {
    const half = findLink(socket, fact.name);
    if (half !== undefined) deleteLink(socket, half);
    throw cause;
  }
}

/** Made in mode passthru, a macvlan has its parent's MAC whatever was asked; given its own, the parent has it for so long. */
function takeOverMac(socket: NetlinkSocket, fact: LinkFact): void {
  alignLink(socket, fact, requireLink(socket, fact.name, `create link ${fact.name}`));
}

/** A new veth's peer, which nothing else can be named like. Equivalent to: `ip link set dev PEER up`. */
function raisePeer(session: Session, { device }: LinkFact): void {
  if (device.type !== "veth" || !device.peer.up) return;
  const { namespace, name } = device.peer;
  const payload = encodeLink({ up: true }, [textAttribute(IFLA.IFNAME, name)]);
  const [answer] = session.socket(namespace).execute([{ type: RTM.SETLINK, flags: 0, payload }]);
  demand(answer, `set link ${name} up`);
}

/** Equivalent to: `ip link set dev NAME address MAC mtu MTU master BRIDGE alias ALIAS up`, of what differs. */
function alignLink(socket: NetlinkSocket, fact: LinkFact, found: LinkMessage): void {
  const operation = `change link ${fact.name}`;
  const masterIndex = fact.master === undefined ? undefined : requireLink(socket, fact.master, operation).index;
  const attributes = [
    ...hardwareAttributes(hardwareDifference(isTheirs(fact, found) ? { mtu: fact.mtu } : fact, found)),
    ...(masterIndex === undefined || masterIndex === found.masterIndex ? [] : [u32Attribute(IFLA.MASTER, masterIndex)]),
    ...(fact.alias === undefined || fact.adopt === true || fact.alias === found.alias
      ? []
      : [aliasAttribute(fact.alias)]),
  ];
  change(socket, operation, found, { attributes, up: fact.up });
  if (fact.hairpin !== undefined && fact.hairpin !== found.hairpin) setHairpin(socket, found, fact.hairpin);
}

/** A veth's peer has no fact of its own. */
function alignPeer(session: Session, fact: LinkFact): void {
  if (fact.device.type !== "veth" || isGivenAway(fact)) return;
  const { peer } = fact.device;
  const found = vethPeer(session, fact.device);
  if (found === undefined) return;
  const attributes = hardwareAttributes(hardwareDifference(peer, found));
  change(session.socket(peer.namespace), `change link ${peer.name}`, found, { attributes, up: peer.up });
}

function change(
  socket: NetlinkSocket,
  operation: string,
  found: LinkMessage,
  wanted: { readonly attributes: readonly Attribute[]; readonly up: boolean },
): void {
  const stateChanges = wanted.up !== found.up;
  if (wanted.attributes.length === 0 && !stateChanges) return;
  const head = { index: found.index, ...(stateChanges ? { up: wanted.up } : {}) };
  const [answer] = socket.execute([
    { type: RTM.SETLINK, flags: 0, payload: encodeLink(head, wanted.attributes) } satisfies Request,
  ]);
  demand(answer, operation);
}

type Hardware = Pick<LinkFact, "mac" | "mtu">;

function hardwareDifference(
  wanted: { readonly [K in keyof Hardware]?: Hardware[K] | undefined },
  found: LinkMessage,
): Hardware {
  return {
    ...(wanted.mac === undefined || wanted.mac.mac === found.mac?.mac ? {} : { mac: wanted.mac }),
    ...(wanted.mtu === undefined || wanted.mtu === found.mtu ? {} : { mtu: wanted.mtu }),
  };
}

/** Equivalent to: `bridge link set dev NAME hairpin on|off`. */
function setHairpin(socket: NetlinkSocket, port: LinkMessage, hairpin: boolean): void {
  const payload = encodeLink({ family: AF.BRIDGE, index: port.index }, hairpinAttributes(hairpin));
  const [answer] = socket.execute([{ type: RTM.SETLINK, flags: 0, payload }]);
  demand(answer, `set hairpin of ${port.name}`);
}

/** Without a terminating zero, as iproute2 sends it; empty takes the alias away. */
function aliasAttribute(alias: string): Attribute {
  return bytesAttribute(IFLA.IFALIAS, new TextEncoder().encode(alias));
}

/** Equivalent to: `ip link del dev NAME`. */
export function deleteLink(socket: NetlinkSocket, link: LinkMessage): void {
  const payload = encodeLink({ index: link.index }, []);
  const [answer] = socket.execute([{ type: RTM.DELLINK, flags: 0, payload }]);
  demand(answer, `remove link ${link.name}`, [constants.errno.ENODEV]);
}
