/**
 * Changes to requests of the nf_tables subsystem. A change of many elements becomes several requests, since an attribute's
 * length has 16 bits.
 *
 *     | nlmsghdr: type 10 << 8 | NFT_MSG_NEWRULE | nfgenmsg: family, version 0, 0 (16 bits) | attributes |
 */
import type { Family } from "../../addr/ip-address.ts";
import { ByteWriter } from "../../wire/byte-writer.ts";
import {
  bytesAttribute,
  textAttribute,
  u32beAttribute as number,
  writeAttributes,
  type Attribute,
} from "../netlink/attribute.ts";
import type { Request } from "../netlink/message.ts";
import {
  NF,
  NF_INET_HOOK,
  NFNL_SUBSYS,
  NFT_DATA_VERDICT,
  NFT_MSG,
  NFT_SET,
  NFTA_CHAIN,
  NFTA_HOOK,
  NFTA_LIST,
  NFTA_RULE,
  NFTA_SET,
  NFTA_SET_DESC,
  NFTA_SET_ELEM_LIST,
  NFTA_SET_FIELD,
  NFTA_TABLE,
} from "../uapi/nf-tables.ts";
import { NLA_F, NLM_F } from "../uapi/netlink.ts";
import { AF } from "../uapi/system.ts";
import { encodeElements } from "./encode-elements.ts";
import { encodeExpression, nest } from "./encode-expression.ts";
import { splitRanges } from "./plain-ranges.ts";
import type { NftChainHead, NftChange, NftHook, NftSetType } from "./ruleset.ts";
import { commentUserData, fieldLength, setUserData, typeNumber, valueLength } from "./set-type.ts";

/** An element takes at most about 150 bytes, and an attribute's length has 16 bits. */
const ELEMENTS_PER_REQUEST = 400;

/** The requests for one change; `id` tells sets apart within a transaction. Throws RangeError on what cannot be written. */
export function encodeChange(change: NftChange, id: number): readonly Request[] {
  const { family } = change;
  switch (change.change) {
    case "add-table":
      return [
        request("NEWTABLE", family, 0, [textAttribute(NFTA_TABLE.NAME, change.table), number(NFTA_TABLE.FLAGS, 0)]),
      ];
    case "delete-table":
      return [request("DELTABLE", family, 0, [textAttribute(NFTA_TABLE.NAME, change.table)])];
    case "add-chain":
      return [request("NEWCHAIN", family, NLM_F.CREATE, chainAttributes(change.table, change.chain))];
    case "delete-chain":
      return [request("DELCHAIN", family, 0, chainName(change.table, change.chain))];
    case "append-rule":
      return [request("NEWRULE", family, NLM_F.CREATE | NLM_F.APPEND, ruleAttributes(change))];
    case "flush-chain":
      return [request("DELRULE", family, 0, inChain(change))];
    case "add-set":
      return [request("NEWSET", family, NLM_F.CREATE, setAttributes(change.table, change.set, id))];
    case "delete-set":
      return [
        request("DELSET", family, 0, [
          textAttribute(NFTA_SET.TABLE, change.table),
          textAttribute(NFTA_SET.NAME, change.set),
        ]),
      ];
    case "add-elements":
      return elementRequests("NEWSETELEM", NLM_F.CREATE, change);
    case "delete-elements":
      return elementRequests("DELSETELEM", 0, change);
  }
}

/** The payload of every nf_tables message: `struct nfgenmsg`, then attributes. */
export function nftPayload(family: Family | 0, attributes: readonly Attribute[], resource = 0): Uint8Array {
  const afNumber = family === 0 ? AF.UNSPEC : family === 4 ? AF.INET : AF.INET6;
  return writeAttributes(new ByteWriter().u8(afNumber).u8(0).u16be(resource), attributes).finish();
}

export function nftMessageType(message: keyof typeof NFT_MSG): number {
  return (NFNL_SUBSYS.NFTABLES << 8) | NFT_MSG[message];
}

function request(
  message: keyof typeof NFT_MSG,
  family: Family,
  flags: number,
  attributes: readonly Attribute[],
): Request {
  return { type: nftMessageType(message), flags, payload: nftPayload(family, attributes) };
}

function chainName(table: string, chain: string): readonly Attribute[] {
  return [textAttribute(NFTA_CHAIN.TABLE, table), textAttribute(NFTA_CHAIN.NAME, chain)];
}

function chainAttributes(table: string, { name, hook, policy }: NftChainHead): readonly Attribute[] {
  return [
    ...chainName(table, name),
    ...(hook === undefined ? [] : [encodeHook(hook)]),
    ...(policy === undefined ? [] : [number(NFTA_CHAIN.POLICY, policy === "drop" ? NF.DROP : NF.ACCEPT)]),
    ...(hook === undefined ? [] : [textAttribute(NFTA_CHAIN.TYPE, hook.type)]),
  ];
}

function encodeHook({ hook, priority }: NftHook): Attribute {
  return nest(NFTA_CHAIN.HOOK, [
    number(NFTA_HOOK.HOOKNUM, NF_INET_HOOK[hook]),
    number(NFTA_HOOK.PRIORITY, priority >>> 0),
  ]);
}

function inChain({ table, chain }: { readonly table: string; readonly chain: string }): readonly Attribute[] {
  return [textAttribute(NFTA_RULE.TABLE, table), textAttribute(NFTA_RULE.CHAIN, chain)];
}

function ruleAttributes(change: Extract<NftChange, { change: "append-rule" }>): readonly Attribute[] {
  const { comment, expressions } = change.rule;
  return [
    ...inChain(change),
    ...(comment === undefined ? [] : [bytesAttribute(NFTA_RULE.USERDATA, commentUserData(comment))]),
    nest(NFTA_RULE.EXPRESSIONS, expressions.map(encodeExpression)),
  ];
}

function setAttributes(table: string, set: NftSetType, id: number): readonly Attribute[] {
  const { key, data, interval } = set;
  const isConcatenation = key.length > 1;
  const flags =
    (interval ? NFT_SET.INTERVAL : 0) |
    (data === undefined ? 0 : NFT_SET.MAP) |
    (interval && isConcatenation ? NFT_SET.CONCAT : 0);
  return [
    textAttribute(NFTA_SET.TABLE, table),
    textAttribute(NFTA_SET.NAME, set.name),
    number(NFTA_SET.FLAGS, flags),
    number(NFTA_SET.KEY_TYPE, typeNumber(key)),
    number(NFTA_SET.KEY_LEN, valueLength(key)),
    ...dataAttributes(data),
    number(NFTA_SET.ID, id),
    ...(interval && isConcatenation ? [fieldLengths(set)] : []),
    bytesAttribute(NFTA_SET.USERDATA, setUserData(set)),
  ];
}

function dataAttributes(data: NftSetType["data"]): readonly Attribute[] {
  if (data === undefined) return [];
  if (data === "verdict") return [number(NFTA_SET.DATA_TYPE, NFT_DATA_VERDICT), number(NFTA_SET.DATA_LEN, 0)];
  return [number(NFTA_SET.DATA_TYPE, typeNumber(data)), number(NFTA_SET.DATA_LEN, valueLength(data))];
}

/** Ranges of concatenations are looked up field by field, so there the kernel must know the fields. */
function fieldLengths({ key }: NftSetType): Attribute {
  const fields = key.map((type) => nest(NFTA_LIST.ELEM, [number(NFTA_SET_FIELD.LEN, fieldLength(type))]));
  return nest(NFTA_SET.DESC, [nest(NFTA_SET_DESC.CONCAT, fields)]);
}

function elementRequests(
  message: "NEWSETELEM" | "DELSETELEM",
  flags: number,
  { family, table, set, elements }: Extract<NftChange, { change: "add-elements" | "delete-elements" }>,
): readonly Request[] {
  const requests: Request[] = [];
  const place = [textAttribute(NFTA_SET_ELEM_LIST.TABLE, table), textAttribute(NFTA_SET_ELEM_LIST.SET, set.name)];
  const sent = set.interval && set.key.length === 1 ? splitRanges(elements) : elements;
  for (let start = 0; start < sent.length; start += ELEMENTS_PER_REQUEST) {
    const part = encodeElements(sent.slice(start, start + ELEMENTS_PER_REQUEST));
    const list = bytesAttribute(NFTA_SET_ELEM_LIST.ELEMENTS | NLA_F.NESTED, part);
    requests.push(request(message, family, flags, [...place, list]));
  }
  return requests;
}
