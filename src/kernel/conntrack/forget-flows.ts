/**
 * Removes tracked flows by pattern, on the calling thread, in the namespace that it is in. The kernel can remove one flow or
 * all, so those that match are looked for first; who answers a flow narrows the search in the kernel where it can do that.
 */
import { constants } from "node:os";
import { formatAddress } from "../../addr/ip-address.ts";
import { demand, NetlinkSocket } from "../netlink/socket.ts";
import { IPCTNL_MSG_CT } from "../uapi/conntrack.ts";
import { NETLINK } from "../uapi/netlink.ts";
import {
  decodeFlow,
  encodeFilter,
  encodePayload,
  matchesFlow,
  messageType,
  type Flow,
  type FlowPattern,
} from "./flow.ts";

/** Requests in one datagram. */
const BATCH = 128;

/** Answers how many flows were forgotten; one that ends meanwhile counts. Throws KernelError. */
export function forgetFlows(patterns: readonly FlowPattern[]): number {
  if (patterns.length === 0) return 0;
  using socket = NetlinkSocket.open(NETLINK.NETFILTER);
  let forgotten = 0;
  for (const group of Map.groupBy(patterns, searchKey).values()) {
    const flows = findFlows(socket, group);
    for (let start = 0; start < flows.length; start += BATCH) remove(socket, flows.slice(start, start + BATCH));
    forgotten += flows.length;
  }
  return forgotten;
}

/** Patterns that one dump serves. */
function searchKey({ protocol, answeredBy }: FlowPattern): string {
  return `${protocol} ${formatAddress(answeredBy)}`;
}

/** Equivalent to: `conntrack -L -p udp --reply-src ADDRESS`. */
function findFlows(socket: NetlinkSocket, patterns: readonly FlowPattern[]): readonly Flow[] {
  const [first] = patterns;
  if (first === undefined) return [];
  const payload = encodePayload(first.family, encodeFilter(first));
  const messages = socket.dump({ type: messageType(IPCTNL_MSG_CT.GET), flags: 0, payload }, "list tracked flows");
  return messages.flatMap((message) => {
    const flow = decodeFlow(message.payload);
    return flow !== undefined && patterns.some((pattern) => matchesFlow(pattern, flow)) ? [flow] : [];
  });
}

/** Equivalent to: `conntrack -D` with the flow's addresses and ports. */
function remove(socket: NetlinkSocket, flows: readonly Flow[]): void {
  const type = messageType(IPCTNL_MSG_CT.DELETE);
  const answers = socket.execute(
    flows.map(({ family, identity }) => ({ type, flags: 0, payload: encodePayload(family, identity) })),
  );
  for (const answer of answers) demand(answer, "forget a tracked flow", [constants.errno.ENOENT]);
}
