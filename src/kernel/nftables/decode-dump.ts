/**
 * Messages of nf_tables dumps to values: chains, rules, sets and elements of one table. Total: any bytes give values or a
 * WireError. Sets of types that we never use are left out (undefined); so are anonymous sets, which belong to a rule.
 */
import { ByteReader } from "../../wire/byte-reader.ts";
import { Attributes, decodeAttributeList } from "../netlink/attribute.ts";
import type { Message } from "../netlink/message.ts";
import {
  NF,
  NF_INET_HOOK,
  NFT_DATA_VERDICT,
  NFT_SET,
  NFT_SET_ELEM,
  NFTA_CHAIN,
  NFTA_HOOK,
  NFTA_RULE,
  NFTA_SET,
  NFTA_SET_ELEM,
  NFTA_SET_ELEM_LIST,
} from "../uapi/nf-tables.ts";
import { decodeData, decodeExpressions } from "./decode-expression.ts";
import type { WireElement } from "./plain-ranges.ts";
import type { NftChainHead, NftHook, NftHookName, NftRule, NftSetType, NftType } from "./ruleset.ts";
import { commentOf, typesOfNumber } from "./set-type.ts";

/** Bytes of `struct nfgenmsg` before the attributes. */
const FAMILY_HEADER = 4;

function attributesOf({ payload }: Message): Attributes {
  const reader = new ByteReader(payload);
  reader.skip(FAMILY_HEADER);
  return Attributes.decode(reader.take(reader.remaining));
}

/** A chain without its rules; undefined when it is another table's. */
export function decodeChain(message: Message, table: string): NftChainHead | undefined {
  const attributes = attributesOf(message);
  const name = attributes.text(NFTA_CHAIN.NAME);
  if (name === undefined || attributes.text(NFTA_CHAIN.TABLE) !== table) return undefined;
  const hook = decodeHook(attributes);
  if (hook === undefined) return { name };
  return { name, hook, policy: attributes.u32be(NFTA_CHAIN.POLICY) === NF.DROP ? "drop" : "accept" };
}

/** Undefined for chains that packets enter only by a jump, and for types and places of base chains that we never use. */
function decodeHook(attributes: Attributes): NftHook | undefined {
  const hook = attributes.nested(NFTA_CHAIN.HOOK);
  const type = attributes.text(NFTA_CHAIN.TYPE);
  const number = hook?.u32be(NFTA_HOOK.HOOKNUM);
  const place = HOOK_NAMES.find((name) => NF_INET_HOOK[name] === number);
  if (place === undefined || (type !== "filter" && type !== "nat")) return undefined;
  return { type, hook: place, priority: (hook?.u32be(NFTA_HOOK.PRIORITY) ?? 0) | 0 };
}

const HOOK_NAMES: readonly NftHookName[] = ["prerouting", "input", "forward", "output", "postrouting"];

export function decodeRule(message: Message): (NftRule & { readonly chain: string }) | undefined {
  const attributes = attributesOf(message);
  const chain = attributes.text(NFTA_RULE.CHAIN);
  if (chain === undefined) return undefined;
  const expressions = decodeExpressions(attributes.bytes(NFTA_RULE.EXPRESSIONS) ?? new Uint8Array());
  const comment = commentOf(attributes.bytes(NFTA_RULE.USERDATA));
  return { chain, expressions, ...(comment === undefined ? {} : { comment }) };
}

/** Flags that make a set of a kind that we never use. */
const FOREIGN_SET = ~(NFT_SET.INTERVAL | NFT_SET.MAP | NFT_SET.CONCAT);

export function decodeSet(message: Message): NftSetType | undefined {
  const attributes = attributesOf(message);
  const name = attributes.text(NFTA_SET.NAME);
  const flags = attributes.u32be(NFTA_SET.FLAGS) ?? 0;
  const key = typesOfNumber(attributes.u32be(NFTA_SET.KEY_TYPE) ?? 0);
  if (name === undefined || key === undefined || (flags & FOREIGN_SET) !== 0) return undefined;
  const interval = (flags & NFT_SET.INTERVAL) !== 0;
  if ((flags & NFT_SET.MAP) === 0) return { name, key, interval };
  const data = decodeDataType(attributes.u32be(NFTA_SET.DATA_TYPE) ?? 0);
  return data === undefined ? undefined : { name, key, interval, data };
}

function decodeDataType(number: number): "verdict" | readonly NftType[] | undefined {
  return number === NFT_DATA_VERDICT ? "verdict" : typesOfNumber(number);
}

/** The elements of one message. Those that have no key (`*`) are left out. */
export function decodeElements(message: Message): readonly WireElement[] {
  const list = attributesOf(message).bytes(NFTA_SET_ELEM_LIST.ELEMENTS) ?? new Uint8Array();
  return decodeAttributeList(list).flatMap(({ value }): readonly WireElement[] => {
    const attributes = Attributes.decode(value);
    const key = decodeData(attributes.nested(NFTA_SET_ELEM.KEY));
    const keyEnd = decodeData(attributes.nested(NFTA_SET_ELEM.KEY_END));
    const data = decodeData(attributes.nested(NFTA_SET_ELEM.DATA));
    const isEnd = ((attributes.u32be(NFTA_SET_ELEM.FLAGS) ?? 0) & NFT_SET_ELEM.INTERVAL_END) !== 0;
    if (!(key instanceof Uint8Array)) return [];
    const end = keyEnd instanceof Uint8Array ? { keyEnd } : {};
    return [{ key, ...end, ...(isEnd ? { isEnd } : {}), ...(data === undefined ? {} : { data }) }];
  });
}
