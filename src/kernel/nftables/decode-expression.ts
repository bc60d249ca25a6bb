/**
 * Bytes of a rule's instructions to values, as the kernel dumps them. Total: any bytes give instructions or a WireError, and
 * whatever we would not have written (another instruction, another option of a known one) is `unknown`, so that two rules
 * that read the same do the same.
 */
import { Attributes, decodeAttributeList } from "../netlink/attribute.ts";
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
  NFTA_LOOKUP,
  NFTA_META,
  NFTA_NAT,
  NFTA_PAYLOAD,
  NFTA_VERDICT,
} from "../uapi/nf-tables.ts";
import { AF } from "../uapi/system.ts";
import { natFlags } from "./encode-expression.ts";
import type { Expression, Verdict } from "./expression.ts";

/** The instructions of NFTA_RULE_EXPRESSIONS. */
export function decodeExpressions(bytes: Uint8Array): readonly Expression[] {
  return decodeAttributeList(bytes).map(({ value }) => {
    const attributes = Attributes.decode(value);
    const name = attributes.text(NFTA_EXPR.NAME) ?? "";
    const body = attributes.nested(NFTA_EXPR.DATA) ?? new Attributes(new Map());
    return DECODERS[name]?.(body) ?? { kind: "unknown", name };
  });
}

/** A value (a view of the bytes) or verdict; undefined when it is neither, or a verdict of other kinds. */
export function decodeData(attributes: Attributes | undefined): Uint8Array | Verdict | undefined {
  if (attributes === undefined) return undefined;
  const value = attributes.bytes(NFTA_DATA.VALUE);
  if (value !== undefined) return value;
  const verdict = attributes.nested(NFTA_DATA.VERDICT);
  return verdict === undefined ? undefined : decodeVerdict(verdict);
}

const SIMPLE_VERDICTS = new Map<number, "accept" | "drop" | "continue" | "return">([
  [NF.ACCEPT, "accept"],
  [NF.DROP, "drop"],
  [NFT_VERDICT.CONTINUE, "continue"],
  [NFT_VERDICT.RETURN, "return"],
]);

function decodeVerdict(attributes: Attributes): Verdict | undefined {
  const code = (attributes.u32be(NFTA_VERDICT.CODE) ?? 0) | 0;
  const simple = SIMPLE_VERDICTS.get(code);
  if (simple !== undefined) return { verdict: simple };
  const chain = attributes.text(NFTA_VERDICT.CHAIN);
  if (chain === undefined) return undefined;
  if (code === NFT_VERDICT.JUMP) return { verdict: "jump", chain };
  return code === NFT_VERDICT.GOTO ? { verdict: "goto", chain } : undefined;
}

/** Undefined: an option that we never use. */
const DECODERS: Readonly<Record<string, (attributes: Attributes) => Expression | undefined>> = {
  payload(attributes) {
    const base = nameOf(NFT_PAYLOAD, attributes.u32be(NFTA_PAYLOAD.BASE));
    const offset = attributes.u32be(NFTA_PAYLOAD.OFFSET);
    const length = attributes.u32be(NFTA_PAYLOAD.LEN);
    const to = registerOf(attributes, NFTA_PAYLOAD.DREG);
    if (base === undefined || base === "link" || offset === undefined || length === undefined) return undefined;
    return to === undefined ? undefined : { kind: "payload", base, offset, length, to };
  },

  meta(attributes) {
    const key = nameOf(NFT_META, attributes.u32be(NFTA_META.KEY));
    const to = registerOf(attributes, NFTA_META.DREG);
    return key === undefined || to === undefined ? undefined : { kind: "meta", key, to };
  },

  ct(attributes) {
    const key = nameOf(NFT_CT, attributes.u32be(NFTA_CT.KEY));
    const to = registerOf(attributes, NFTA_CT.DREG);
    const isPlain = attributes.bytes(NFTA_CT.DIRECTION) === undefined;
    return key === undefined || key === "mark" || to === undefined || !isPlain ? undefined : { kind: "ct", key, to };
  },

  fib(attributes) {
    const flags = attributes.u32be(NFTA_FIB.FLAGS);
    const to = registerOf(attributes, NFTA_FIB.DREG);
    if (attributes.u32be(NFTA_FIB.RESULT) !== NFTA_FIB_RESULT.ADDRTYPE || to === undefined) return undefined;
    if (flags === NFTA_FIB_F.SADDR) return { kind: "fib", address: "saddr", to };
    return flags === NFTA_FIB_F.DADDR ? { kind: "fib", address: "daddr", to } : undefined;
  },

  bitwise(attributes) {
    const [from, to] = [registerOf(attributes, NFTA_BITWISE.SREG), registerOf(attributes, NFTA_BITWISE.DREG)];
    const [mask, xor] = [valueOf(attributes, NFTA_BITWISE.MASK), valueOf(attributes, NFTA_BITWISE.XOR)];
    const isMaskXor = (attributes.u32be(NFTA_BITWISE.OP) ?? 0) === 0;
    if (from === undefined || to === undefined || mask === undefined || xor === undefined) return undefined;
    return isMaskXor ? { kind: "bitwise", from, to, mask, xor } : undefined;
  },

  cmp(attributes) {
    const from = registerOf(attributes, NFTA_CMP.SREG);
    const operator = nameOf(NFT_CMP, attributes.u32be(NFTA_CMP.OP));
    const value = valueOf(attributes, NFTA_CMP.DATA);
    if (from === undefined || value === undefined) return undefined;
    return operator === "eq" || operator === "neq" ? { kind: "compare", from, operator, value } : undefined;
  },

  lookup(attributes) {
    const set = attributes.text(NFTA_LOOKUP.SET);
    const from = registerOf(attributes, NFTA_LOOKUP.SREG);
    const hasTarget = attributes.bytes(NFTA_LOOKUP.DREG) !== undefined;
    const to = attributes.u32be(NFTA_LOOKUP.DREG) === 0 ? "verdict" : registerOf(attributes, NFTA_LOOKUP.DREG);
    const flags = attributes.u32be(NFTA_LOOKUP.FLAGS) ?? 0;
    if (set === undefined || from === undefined || (flags & ~NFT_LOOKUP_F.INV) !== 0) return undefined;
    if (hasTarget && to === undefined) return undefined;
    return {
      kind: "lookup",
      set,
      from,
      ...(to === undefined ? {} : { to }),
      ...(flags === NFT_LOOKUP_F.INV ? { inverted: true } : {}),
    };
  },

  immediate(attributes) {
    const data = decodeData(attributes.nested(NFTA_IMMEDIATE.DATA));
    if (data === undefined) return undefined;
    if (!(data instanceof Uint8Array)) return { kind: "verdict", ...data };
    const to = registerOf(attributes, NFTA_IMMEDIATE.DREG);
    return to === undefined ? undefined : { kind: "immediate", to, value: data };
  },

  counter: () => ({ kind: "counter" }),

  masq: (attributes) => (attributes.types.length === 0 ? { kind: "masquerade" } : undefined),

  nat: decodeNat,
};

/** Only flags that follow from the operands are ours. */
function decodeNat(attributes: Attributes): Expression | undefined {
  const type = attributes.u32be(NFTA_NAT.TYPE);
  const family = attributes.u32be(NFTA_NAT.FAMILY);
  const address = registerOf(attributes, NFTA_NAT.REG_ADDR_MIN);
  const port = registerOf(attributes, NFTA_NAT.REG_PROTO_MIN);
  const implied = natFlags(address, port);
  const isPlain =
    (attributes.u32be(NFTA_NAT.FLAGS) ?? implied) === implied &&
    (registerOf(attributes, NFTA_NAT.REG_ADDR_MAX) ?? address) === address &&
    (registerOf(attributes, NFTA_NAT.REG_PROTO_MAX) ?? port) === port;
  if (!isPlain || (family !== AF.INET && family !== AF.INET6)) return undefined;
  if (type !== NFT_NAT.SNAT && type !== NFT_NAT.DNAT) return undefined;
  return {
    kind: "nat",
    translate: type === NFT_NAT.SNAT ? "source" : "destination",
    family: family === AF.INET ? 4 : 6,
    ...(address === undefined ? {} : { address }),
    ...(port === undefined ? {} : { port }),
  };
}

function nameOf<Name extends string>(
  table: Readonly<Record<Name, number>>,
  value: number | undefined,
): Name | undefined {
  for (const name in table) if (table[name] === value) return name;
  return undefined;
}

/** The byte offset of a register; undefined when it is absent or the verdict's. */
function registerOf(attributes: Attributes, type: number): number | undefined {
  const number = attributes.u32be(type);
  if (number === undefined || number === 0 || number > 23) return undefined;
  return number < 8 ? (number - 1) * 16 : (number - 8) * 4;
}

function valueOf(attributes: Attributes, type: number): Uint8Array | undefined {
  const data = decodeData(attributes.nested(type));
  return data instanceof Uint8Array ? data : undefined;
}
