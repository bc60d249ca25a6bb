/**
 * nf_tables on the calling thread, in the namespace that it is in: a batch of requests that the kernel carries out whole or
 * not at all, and dumps of one table. A refused batch is told by the change that the kernel named.
 *
 *     | NFNL_MSG_BATCH_BEGIN, resource 10 | request 1 | ... | request n, with NLM_F_ACK | NFNL_MSG_BATCH_END |
 *
 * The acknowledgement of the last request comes when all is committed, and also when an earlier one failed: errors first.
 */
import { constants } from "node:os";
import { ByteWriter } from "../../wire/byte-writer.ts";
import { KernelError } from "../kernel-error.ts";
import { textAttribute, type Attribute } from "../netlink/attribute.ts";
import { decodeAcknowledgement, writeRequest, type Message, type Request } from "../netlink/message.ts";
import { NetlinkSocket } from "../netlink/socket.ts";
import { NETLINK, NLM_F, NLMSG } from "../uapi/netlink.ts";
import {
  NFNL_MSG,
  NFNL_SUBSYS,
  type NFT_MSG,
  NFTA_RULE,
  NFTA_SET,
  NFTA_SET_ELEM_LIST,
  NFTA_TABLE,
} from "../uapi/nf-tables.ts";
import { decodeChain, decodeElements, decodeRule, decodeSet } from "./decode-dump.ts";
import { describeChange } from "./describe-change.ts";
import { encodeChange, nftMessageType, nftPayload } from "./encode-change.ts";
import type { NftChange, NftRule, NftTable, NftTableName } from "./ruleset.ts";

/** The batch as one datagram, and for each request in it (numbered from 1; 0 is the beginning) the change that it is of. */
export function encodeBatch(changes: readonly NftChange[]): {
  readonly datagram: Uint8Array;
  readonly changeOf: readonly (NftChange | undefined)[];
} {
  const requests = changes.flatMap((change, index) =>
    encodeChange(change, index + 1).map((request) => ({ change, request })),
  );
  const writer = new ByteWriter(1024);
  writeRequest(writer, batchMark(NFNL_MSG.BATCH_BEGIN), 0);
  for (const [index, { request }] of requests.entries()) {
    const flags = index === requests.length - 1 ? request.flags | NLM_F.ACK : request.flags;
    writeRequest(writer, { ...request, flags }, index + 1);
  }
  writeRequest(writer, batchMark(NFNL_MSG.BATCH_END), requests.length + 1);
  return { datagram: writer.finish(), changeOf: [undefined, ...requests.map(({ change }) => change)] };
}

function batchMark(type: number): Request {
  return { type, flags: 0, payload: nftPayload(0, [], NFNL_SUBSYS.NFTABLES) };
}

/** Throws KernelError; then nothing was changed. Equivalent to: `nft -f FILE`. */
export function changeNftables(changes: readonly NftChange[]): void {
  if (changes.length === 0) return;
  const { datagram, changeOf } = encodeBatch(changes);
  using socket = NetlinkSocket.open(NETLINK.NETFILTER);
  const answers = socket.exchange(datagram).filter(({ type }) => type === NLMSG.ERROR);
  for (const answer of answers) {
    const { errno, text } = decodeAcknowledgement(answer);
    if (errno === 0) continue;
    const operation = describeChange(changeOf[answer.sequence]);
    throw new KernelError({ operation, errno, ...(text === undefined ? {} : { detail: text }) });
  }
  if (answers.some(({ sequence }) => sequence === changeOf.length - 1)) return;
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
  const elementsOf = (set: string): readonly Message[] =>
    read("GETSETELEM", [textAttribute(NFTA_SET_ELEM_LIST.TABLE, table), textAttribute(NFTA_SET_ELEM_LIST.SET, set)]);
  return {
    ...name,
    chains: chains.map((chain) => ({ ...chain, rules: rules.get(chain.name) ?? [] })),
    sets: sets.map((set) => ({ ...set, elements: elementsOf(set.name).flatMap(decodeElements) })),
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
