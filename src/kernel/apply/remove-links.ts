/**
 * Removes links that are ours; others of the same name stay, and so do adopted ones. Each removal makes the kernel wait
 * for its readers (RCU): 15-20 ms for a veth, 40 ms for a bridge. Links removed together wait once, so a run of removals
 * becomes one link group, made and deleted in one datagram.
 */
import { constants } from "node:os";
import { randomInt } from "node:crypto";
import type { LinkFact } from "../facts.ts";
import { u32Attribute } from "../netlink/attribute.ts";
import { demand, type NetlinkSocket } from "../netlink/socket.ts";
import { encodeLink, type LinkMessage } from "../route/link.ts";
import { IFLA } from "../uapi/if-link.ts";
import { RTM } from "../uapi/rtnetlink.ts";
import { deleteLink, isOurs } from "./ensure-link.ts";
import { findLink, listLinks } from "./find-link.ts";

/** All in one namespace, the socket's. Equivalent to: `ip link set dev NAME group G` for each, then `ip link del group G`. */
export function removeLinks(socket: NetlinkSocket, facts: readonly LinkFact[]): void {
  const [first] = facts;
  if (first === undefined) return;
  if (facts.length === 1) {
    const link = findLink(socket, first.name);
    if (link !== undefined && isOurs(first, link)) deleteLink(socket, link);
    return;
  }
  const links = listLinks(socket);
  const byName = new Map(links.map((link) => [link.name, link]));
  const doomed = facts.flatMap((fact) => {
    const link = byName.get(fact.name);
    return link !== undefined && isOurs(fact, link) ? [link] : [];
  });
  deleteGroup(socket, doomed, new Set(links.map((link) => link.group)));
}

function deleteGroup(socket: NetlinkSocket, links: readonly LinkMessage[], taken: ReadonlySet<number>): void {
  if (links.length === 0) return;
  const group = u32Attribute(IFLA.GROUP, freeGroup(taken));
  const answers = socket.execute([
    ...links.map(({ index }) => ({ type: RTM.SETLINK, flags: 0, payload: encodeLink({ index }, [group]) })),
    { type: RTM.DELLINK, flags: 0, payload: encodeLink({}, [group]) },
  ]);
  const { ENODEV } = constants.errno;
  for (const [position, link] of links.entries()) demand(answers[position], `remove link ${link.name}`, [ENODEV]);
  demand(answers.at(-1), `remove links ${links.map((link) => link.name).join(" ")}`, [ENODEV]);
}

/** Group 0 is every link's own. */
function freeGroup(taken: ReadonlySet<number>): number {
  for (;;) {
    const group = randomInt(1, 2 ** 31);
    if (!taken.has(group)) return group;
  }
}
