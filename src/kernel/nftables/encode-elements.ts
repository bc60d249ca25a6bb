/**
 * Elements of sets to bytes, written in one go: thousands of them make one transaction, and an object for each attribute
 * would cost ten times as much.
 *
 *     NFTA_LIST_ELEM { NFTA_SET_ELEM_KEY { NFTA_DATA_VALUE }, NFTA_SET_ELEM_KEY_END { ... }, NFTA_SET_ELEM_DATA { ... } }
 */
import { ByteWriter } from "../../wire/byte-writer.ts";
import { writeAttributes } from "../netlink/attribute.ts";
import { NLA_F } from "../uapi/netlink.ts";
import { NFT_SET_ELEM, NFTA_DATA, NFTA_LIST, NFTA_SET_ELEM } from "../uapi/nf-tables.ts";
import { encodeData } from "./encode-expression.ts";
import type { WireElement } from "./plain-ranges.ts";

const HEADER = 4;

/** What NFTA_SET_ELEM_LIST_ELEMENTS holds. */
export function encodeElements(elements: readonly WireElement[]): Uint8Array {
  const writer = new ByteWriter(elements.length * 64);
  for (const { key, keyEnd, isEnd = false, data } of elements) {
    const start = writer.length;
    writer.u16(0).u16(NFTA_LIST.ELEM | NLA_F.NESTED);
    writeValue(writer, NFTA_SET_ELEM.KEY, key);
    if (isEnd)
      writer
        .u16(2 * HEADER)
        .u16(NFTA_SET_ELEM.FLAGS)
        .u32be(NFT_SET_ELEM.INTERVAL_END);
    if (keyEnd !== undefined) writeValue(writer, NFTA_SET_ELEM.KEY_END, keyEnd);
    if (data instanceof Uint8Array) writeValue(writer, NFTA_SET_ELEM.DATA, data);
    else if (data !== undefined) writeAttributes(writer, [encodeData(NFTA_SET_ELEM.DATA, data)]);
    writer.patchU16(start, writer.length - start);
  }
  return writer.finish();
}

function writeValue(writer: ByteWriter, type: number, value: Uint8Array): void {
  const padded = (value.length + 3) & ~3;
  writer
    .u16(2 * HEADER + padded)
    .u16(type | NLA_F.NESTED)
    .u16(HEADER + value.length)
    .u16(NFTA_DATA.VALUE)
    .bytes(value)
    .align(4);
}
