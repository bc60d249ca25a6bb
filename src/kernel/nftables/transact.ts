/**
 * nf_tables on the calling thread, in the namespace that it is in: batches, which the kernel carries out whole or not at all,
 * and dumps of one table. The acknowledgement of a batch's last request comes when all is committed, and also when an
 * earlier one failed: errors first.
 */
import { constants } from "node:os";
import { KernelError } from "../kernel-error.ts";
import { textAttribute, type Attribute } from "../netlink/attribute.ts";
import { decodeAcknowledgement, type Message } from "../netlink/message.ts";
import { NetlinkSocket } from "../netlink/socket.ts";
import { NETLINK, NLMSG } from "../uapi/netlink.ts";
import { type NFT_MSG, NFTA_RULE, NFTA_SET, NFTA_SET_ELEM_LIST, NFTA_TABLE } from "../uapi/nf-tables.ts";
import { decodeChain, decodeElements, decodeRule, decodeSet } from "./decode-dump.ts";
import type { BatchRefusal } from "./batch.ts";
import { nftMessageType, nftPayload } from "./encode-change.ts";
import { joinRanges } from "./plain-ranges.ts";
import type { NftElement, NftRule, NftSetType, NftTable, NftTableName } from "./ruleset.ts";

/**
 * Sends a batch, whose last request has the sequence number `last`. Undefined: all was done. Otherwise nothing was, and this
 * is the first refusal; sequence 0 refuses the batch itself. Throws KernelError when the kernel says nothing.
 */
export function sendBatch(datagram: Uint8Array, last: number): BatchRefusal | undefined {
  using socket = NetlinkSocket.open(NETLINK.NETFILTER);
  const answers = socket.exchange(datagram).filter(({ type }) => type === NLMSG.ERROR);
  for (const answer of answers) {
    const acknowledgement = decodeAcknowledgement(answer);
    if (acknowledgement.errno !== 0) return { ...acknowledgement, sequence: answer.sequence };
  }
  if (answers.some(({ sequence }) => sequence === last)) return undefined;
  throw new KernelError({ operation: "change nf_tables", errno: 0, detail: "the kernel did not answer" });
}

/** Undefined when there is no such table. Throws KernelError. Equivalent to: `nft list table ip NAME`. */
export function readNftables(name: NftTableName): NftTable | undefined {
  using socket = NetlinkSocket.open(NETLINK.NETFILTER);
  if (!hasTable(socket, name)) return undefined;
  const { table } = name;
  const read = (message: keyof typeof NFT_MSG, attributes: readonly Attribute[]): readonly Message[] =>
    dump(socket, name, message, attributes);
  const rules = new Map<string, NftRule[]>();
  for (const message of read("GETRULE", [textAttribute(NFTA_RULE.TABLE, table)])) {
    const { chain, ...rule } = decodeRule(message) ?? { chain: "", expressions: [] };
    const known = rules.get(chain);
    if (known === undefined) rules.set(chain, [rule]);
    else known.push(rule);
  }
  const chains = read("GETCHAIN", []).flatMap((message) => decodeChain(message, table) ?? []);
  const sets = read("GETSET", [textAttribute(NFTA_SET.TABLE, table)]).flatMap((message) => decodeSet(message) ?? []);
  const elementsOf = (set: NftSetType): readonly NftElement[] => {
    const place = [textAttribute(NFTA_SET_ELEM_LIST.TABLE, table), textAttribute(NFTA_SET_ELEM_LIST.SET, set.name)];
    const elements = read("GETSETELEM", place).flatMap(decodeElements);
    return set.interval && set.key.length === 1 ? joinRanges(elements) : elements;
  };
  return {
    ...name,
    chains: chains.map((chain) => ({ ...chain, rules: rules.get(chain.name) ?? [] })),
    sets: sets.map((set) => ({ ...set, elements: elementsOf(set) })),
  };
}

function hasTable(socket: NetlinkSocket, { family, table }: NftTableName): boolean {
  const payload = nftPayload(family, [textAttribute(NFTA_TABLE.NAME, table)]);
  const [answer] = socket.execute([{ type: nftMessageType("GETTABLE"), flags: 0, payload }]);
  if (answer === undefined || answer.errno === constants.errno.ENOENT) return false;
  if (answer.errno === 0) return true;
  const { errno, text } = answer;
  throw new KernelError({ operation: `read table ${table}`, errno, ...(text === undefined ? {} : { detail: text }) });
}

function dump(
  socket: NetlinkSocket,
  { family, table }: NftTableName,
  message: keyof typeof NFT_MSG,
  attributes: readonly Attribute[],
): readonly Message[] {
  const request = { type: nftMessageType(message), flags: 0, payload: nftPayload(family, attributes) };
  return socket.dump(request, `read nf_tables table ${table}`);
}
