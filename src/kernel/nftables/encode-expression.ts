/**
 * Instructions to bytes: nested attributes of `linux/netfilter/nf_tables.h`, all numbers in network order, in the order in
 * which nft writes them.
 *
 *     NFTA_LIST_ELEM { NFTA_EXPR_NAME "cmp", NFTA_EXPR_DATA { NFTA_CMP_SREG, NFTA_CMP_OP, NFTA_CMP_DATA { NFTA_DATA_VALUE } } }
 */
import {
  bytesAttribute,
  nestAttribute,
  textAttribute,
  u32beAttribute as number,
  type Attribute,
} from "../netlink/attribute.ts";
import { NLA_F } from "../uapi/netlink.ts";
import {
  NF,
  NFT_CMP,
  NFT_CT,
  NFT_LOOKUP_F,
  NFT_META,
  NFT_NAT,
  NFT_PAYLOAD,
  NFT_VERDICT,
  NFTA_BITWISE,
  NFTA_CMP,
  NFTA_CT,
  NFTA_DATA,
  NFTA_EXPR,
  NFTA_FIB,
  NFTA_FIB_F,
  NFTA_FIB_RESULT,
  NFTA_IMMEDIATE,
  NFTA_LIST,
  NFTA_LOOKUP,
  NFTA_META,
  NFTA_NAT,
  NFTA_PAYLOAD,
  NFTA_VERDICT,
} from "../uapi/nf-tables.ts";
import { AF } from "../uapi/system.ts";
import type { Expression, Verdict } from "./expression.ts";

/** Attributes within an attribute, marked as such. */
export function nest(type: number, children: readonly Attribute[]): Attribute {
  return nestAttribute(type | NLA_F.NESTED, children);
}

/** The kernel's number of the register at a byte offset: 16-byte ones are 1 to 4, others 8 and up. */
export function registerNumber(offset: number | "verdict"): number {
  if (offset === "verdict") return 0;
  return offset % 16 === 0 ? 1 + offset / 16 : 8 + offset / 4;
}

/** A value or verdict, as keys, data and operands have it. */
export function encodeData(type: number, data: Uint8Array | Verdict): Attribute {
  return data instanceof Uint8Array
    ? nest(type, [bytesAttribute(NFTA_DATA.VALUE, data)])
    : nest(type, [encodeVerdict(data)]);
}

const VERDICT_CODES: Readonly<Record<Verdict["verdict"], number>> = {
  accept: NF.ACCEPT,
  drop: NF.DROP,
  continue: NFT_VERDICT.CONTINUE,
  jump: NFT_VERDICT.JUMP,
  goto: NFT_VERDICT.GOTO,
  return: NFT_VERDICT.RETURN,
};

function encodeVerdict(verdict: Verdict): Attribute {
  const code = number(NFTA_VERDICT.CODE, VERDICT_CODES[verdict.verdict] >>> 0);
  const chain = "chain" in verdict ? [textAttribute(NFTA_VERDICT.CHAIN, verdict.chain)] : [];
  return nest(NFTA_DATA.VERDICT, [code, ...chain]);
}

/** One element of a rule's list. Throws RangeError on an instruction that is known only from reading. */
export function encodeExpression(expression: Expression): Attribute {
  const [name, attributes] = bodyOf(expression);
  return nest(NFTA_LIST.ELEM, [textAttribute(NFTA_EXPR.NAME, name), nest(NFTA_EXPR.DATA, attributes)]);
}

type Body = readonly [name: string, attributes: readonly Attribute[]];
type Of<Kind extends Expression["kind"]> = Extract<Expression, { kind: Kind }>;

function bodyOf(expression: Expression): Body {
  switch (expression.kind) {
    case "payload":
      return payload(expression);
    case "meta":
      return ["meta", [number(NFTA_META.KEY, NFT_META[expression.key]), register(NFTA_META.DREG, expression.to)]];
    case "ct":
      return ["ct", [number(NFTA_CT.KEY, NFT_CT[expression.key]), register(NFTA_CT.DREG, expression.to)]];
    case "fib":
      return fib(expression);
    case "bitwise":
      return bitwise(expression);
    case "compare":
      return compare(expression);
    case "lookup":
      return lookup(expression);
    case "immediate":
      return [
        "immediate",
        [register(NFTA_IMMEDIATE.DREG, expression.to), encodeData(NFTA_IMMEDIATE.DATA, expression.value)],
      ];
    case "verdict":
      return ["immediate", [register(NFTA_IMMEDIATE.DREG, "verdict"), encodeData(NFTA_IMMEDIATE.DATA, expression)]];
    case "counter":
      return ["counter", []];
    case "masquerade":
      return ["masq", []];
    case "nat":
      return nat(expression);
    case "unknown":
      throw new RangeError(`cannot write an nf_tables instruction of the unknown kind ${expression.name}`);
  }
}

function register(type: number, offset: number | "verdict"): Attribute {
  return number(type, registerNumber(offset));
}

function payload({ to, base, offset, length }: Of<"payload">): Body {
  const place = [number(NFTA_PAYLOAD.BASE, NFT_PAYLOAD[base]), number(NFTA_PAYLOAD.OFFSET, offset)];
  return ["payload", [register(NFTA_PAYLOAD.DREG, to), ...place, number(NFTA_PAYLOAD.LEN, length)]];
}

function fib({ address, to }: Of<"fib">): Body {
  const flags = address === "saddr" ? NFTA_FIB_F.SADDR : NFTA_FIB_F.DADDR;
  const result = number(NFTA_FIB.RESULT, NFTA_FIB_RESULT.ADDRTYPE);
  return ["fib", [number(NFTA_FIB.FLAGS, flags), result, register(NFTA_FIB.DREG, to)]];
}

function bitwise({ from, to, mask, xor }: Of<"bitwise">): Body {
  const registers = [register(NFTA_BITWISE.SREG, from), register(NFTA_BITWISE.DREG, to)];
  const operands = [encodeData(NFTA_BITWISE.MASK, mask), encodeData(NFTA_BITWISE.XOR, xor)];
  return ["bitwise", [...registers, number(NFTA_BITWISE.LEN, mask.length), ...operands]];
}

function compare({ from, operator, value }: Of<"compare">): Body {
  const operands = [register(NFTA_CMP.SREG, from), number(NFTA_CMP.OP, NFT_CMP[operator])];
  return ["cmp", [...operands, encodeData(NFTA_CMP.DATA, value)]];
}

function lookup({ set, from, to, inverted = false }: Of<"lookup">): Body {
  const destination = to === undefined ? [] : [register(NFTA_LOOKUP.DREG, to)];
  const flags = inverted ? [number(NFTA_LOOKUP.FLAGS, NFT_LOOKUP_F.INV)] : [];
  return ["lookup", [register(NFTA_LOOKUP.SREG, from), ...destination, textAttribute(NFTA_LOOKUP.SET, set), ...flags]];
}

function nat({ translate, family, address, port }: Of<"nat">): Body {
  const type = number(NFTA_NAT.TYPE, translate === "source" ? NFT_NAT.SNAT : NFT_NAT.DNAT);
  const operand = (attribute: number, offset: number | undefined): readonly Attribute[] =>
    offset === undefined ? [] : [register(attribute, offset)];
  return [
    "nat",
    [
      type,
      number(NFTA_NAT.FAMILY, family === 4 ? AF.INET : AF.INET6),
      ...operand(NFTA_NAT.REG_ADDR_MIN, address),
      ...operand(NFTA_NAT.REG_PROTO_MIN, port),
      ...(port === undefined ? [] : [number(NFTA_NAT.FLAGS, natFlags(address, port))]),
    ],
  ];
}

/** `NF_NAT_RANGE_MAP_IPS` and `NF_NAT_RANGE_PROTO_SPECIFIED`, as they follow from the operands. */
export function natFlags(address: number | undefined, port: number | undefined): number {
  return (address === undefined ? 0 : 1) | (port === undefined ? 0 : 2);
}
