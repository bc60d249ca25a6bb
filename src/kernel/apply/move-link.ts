/**
 * Moves a link that somebody else made from the daemon's namespace into a sandbox's, and back. There it carries our mark; back
 * home it carries none and is its maker's again. Moving takes a link's addresses and sets it down, which is the kernel's way.
 */
import { constants } from "node:os";
import { HOST, MARK, type Device, type LinkFact } from "../facts.ts";
import { KernelError } from "../kernel-error.ts";
import { bytesAttribute, textAttribute, u32Attribute } from "../netlink/attribute.ts";
import { demand, type NetlinkSocket } from "../netlink/socket.ts";
import { hardwareAttributes } from "../route/link-attributes.ts";
import { encodeLink, type LinkMessage } from "../route/link.ts";
import { IFLA } from "../uapi/if-link.ts";
import { RTM } from "../uapi/rtnetlink.ts";
import { findLink, requireLink } from "./find-link.ts";
import type { Session } from "./session.ts";

export type MovedFact = LinkFact & { readonly device: Extract<Device, { readonly type: "moved" }> };

export function isMoved(fact: LinkFact): fact is MovedFact {
  return fact.device.type === "moved";
}

/**
 * Throws KernelError ENODEV naming the maker when there is no such link, EPERM for one that is not to be moved; it is then
 * where it was. Equivalent to: `ip link set dev FROM netns NS name NAME`, then `ip -n NS link set NAME alias ALIAS address MAC up`.
 */
export function moveIn(session: Session, fact: MovedFact): void {
  const { from, maker } = fact.device;
  const operation = `move link ${from} into the sandbox as ${fact.name}`;
  const home = session.socket(HOST);
  const link = findLink(home, from);
  if (link === undefined) {
    const detail = `there is no link ${from}, although ${maker} says that it made it`;
    throw new KernelError({ operation, errno: constants.errno.ENODEV, detail });
  }
  if (link.kind === "" && link.name === "lo") throw refused(operation, `${maker} did not make it`);
  if (link.alias?.startsWith(MARK) === true) throw refused(operation, `it is not ${maker}'s`);
  const target = u32Attribute(IFLA.NET_NS_FD, session.namespaceFd(fact.namespace));
  send(home, { link, attributes: [target, textAttribute(IFLA.IFNAME, fact.name)], up: false, operation });
  const inside = session.socket(fact.namespace);
  try {
    const moved = requireLink(inside, fact.name, operation);
    send(inside, {
      link: moved,
      attributes: [alias(fact.alias ?? ""), ...hardwareAttributes(fact)],
      up: fact.up,
      operation,
    });
  } catch (cause) {
    const moved = findLink(inside, fact.name);
    if (moved !== undefined) sendHome(session, inside, moved, from);
    throw cause;
  }
}

/** Accepts absence, and leaves alone what is not ours. Equivalent to: `ip -n NS link set NAME netns 1 name FROM`. */
export function moveOut(session: Session, fact: MovedFact): void {
  const inside = session.socket(fact.namespace);
  const link = findLink(inside, fact.name);
  if (link?.alias?.startsWith(MARK) === true) sendHome(session, inside, link, fact.device.from);
}

/** Where another link has its name meanwhile, the kernel gives it a free one. */
function sendHome(session: Session, inside: NetlinkSocket, link: LinkMessage, name: string): void {
  const operation = `move link ${link.name} out of the sandbox as ${name}`;
  send(inside, { link, attributes: [alias("")], up: false, operation });
  const isTaken = findLink(session.socket(HOST), name) !== undefined;
  const target = u32Attribute(IFLA.NET_NS_FD, session.namespaceFd(HOST));
  const named = textAttribute(IFLA.IFNAME, isTaken ? "moved%d" : name);
  send(inside, { link, attributes: [target, named], up: false, operation });
}

function send(
  socket: NetlinkSocket,
  change: {
    readonly link: LinkMessage;
    readonly attributes: Parameters<typeof encodeLink>[1];
    readonly up: boolean;
    readonly operation: string;
  },
): void {
  const payload = encodeLink({ index: change.link.index, up: change.up }, change.attributes);
  const [answer] = socket.execute([{ type: RTM.SETLINK, flags: 0, payload }]);
  demand(answer, change.operation);
}

function alias(text: string): ReturnType<typeof bytesAttribute> {
  return bytesAttribute(IFLA.IFALIAS, new TextEncoder().encode(text));
}

function refused(operation: string, detail: string): KernelError {
  return new KernelError({ operation, errno: constants.errno.EPERM, detail });
}
