/** Links by name and by index, as one namespace's kernel knows them now. */
import { constants } from "node:os";
import { KernelError } from "../kernel-error.ts";
import { textAttribute } from "../netlink/attribute.ts";
import { demand, type NetlinkSocket } from "../netlink/socket.ts";
import { decodeLink, encodeLink, type LinkMessage } from "../route/link.ts";
import { IFLA } from "../uapi/if-link.ts";
import { RTM } from "../uapi/rtnetlink.ts";

/** The link of that name, or undefined. Equivalent to: `ip link show dev NAME`. */
export function findLink(socket: NetlinkSocket, name: string): LinkMessage | undefined {
  const payload = encodeLink({}, [textAttribute(IFLA.IFNAME, name)]);
  const [answer] = socket.execute([{ type: RTM.GETLINK, flags: 0, payload }]);
  const { messages } = demand(answer, `find link ${name}`, [constants.errno.ENODEV]);
  return messages.map((message) => decodeLink(message.payload)).find((link) => link.name === name);
}

/** The link of that name; throws KernelError ENODEV with the operation it was wanted for. */
export function requireLink(socket: NetlinkSocket, name: string, operation: string): LinkMessage {
  const link = findLink(socket, name);
  if (link === undefined) {
    throw new KernelError({ operation, errno: constants.errno.ENODEV, detail: `there is no link ${name}` });
  }
  return link;
}

/** All links of the namespace. Equivalent to: `ip link show`. */
export function listLinks(socket: NetlinkSocket): readonly LinkMessage[] {
  const request = { type: RTM.GETLINK, flags: 0, payload: encodeLink({}, []) };
  return socket.dump(request, "list links").map((message) => decodeLink(message.payload));
}
