/**
 * Netlink attributes (`struct nlattr`, linux/netlink.h): what to send as plain values, and what came as a checked view.
 *
 *     0        2        4                    4 + n     aligned to 4
 *     | length | type   | value (n bytes)    | zeroes  |
 *
 * Decoding is total: any bytes give attributes or a WireError. Attributes of unknown type are kept and never looked at.
 */
import { ByteReader, WireError } from "../../wire/byte-reader.ts";
import { ByteWriter } from "../../wire/byte-writer.ts";
import { NLA_F } from "../uapi/netlink.ts";

/** An attribute to send. */
export interface Attribute {
  readonly type: number;
  readonly value: Uint8Array;
}

const HEADER = 4;
const TYPE_MASK = ~(NLA_F.NESTED | NLA_F.NET_BYTEORDER);

export function bytesAttribute(type: number, value: Uint8Array): Attribute {
  return { type, value };
}

export function u8Attribute(type: number, value: number): Attribute {
  return { type, value: Uint8Array.of(value) };
}

export function u16Attribute(type: number, value: number): Attribute {
  return { type, value: new ByteWriter(2).u16(value).finish() };
}

/** Two bytes in network order, as VXLAN wants its port. */
export function u16beAttribute(type: number, value: number): Attribute {
  return { type, value: new ByteWriter(2).u16be(value).finish() };
}

export function u32Attribute(type: number, value: number): Attribute {
  return { type, value: new ByteWriter(4).u32(value).finish() };
}

export function i32Attribute(type: number, value: number): Attribute {
  return { type, value: new ByteWriter(4).i32(value).finish() };
}

/** Four bytes in network order, as nf_tables wants all its numbers. */
export function u32beAttribute(type: number, value: number): Attribute {
  return { type, value: new ByteWriter(4).u32be(value).finish() };
}

/** Text with its terminating zero byte. */
export function textAttribute(type: number, value: string): Attribute {
  return { type, value: new TextEncoder().encode(`${value}\0`) };
}

/** Attributes within an attribute, optionally behind a fixed structure. */
export function nestAttribute(type: number, children: readonly Attribute[], head?: Uint8Array): Attribute {
  const writer = new ByteWriter();
  if (head !== undefined) writer.bytes(head);
  writeAttributes(writer, children);
  return { type, value: writer.finish() };
}

export function writeAttributes(writer: ByteWriter, attributes: readonly Attribute[]): ByteWriter {
  for (const { type, value } of attributes) {
    writer
      .u16(HEADER + value.length)
      .u16(type)
      .bytes(value)
      .align(4);
  }
  return writer;
}

/** Attributes that came, by type; of several with one type the last counts, as in the kernel. */
export class Attributes {
  readonly #values: ReadonlyMap<number, Uint8Array>;

  constructor(values: ReadonlyMap<number, Uint8Array>) {
    this.#values = values;
  }

  /** Reads attributes to the end of `bytes`. Throws WireError when a length does not fit. */
  static decode(bytes: Uint8Array): Attributes {
    const values = new Map<number, Uint8Array>();
    for (const { type, value } of decodeAttributeList(bytes)) values.set(type, value);
    return new Attributes(values);
  }

  get types(): readonly number[] {
    return [...this.#values.keys()];
  }

  bytes(type: number): Uint8Array | undefined {
    return this.#values.get(type);
  }

  u8(type: number): number | undefined {
    return this.#number(type, 1, (reader) => reader.u8());
  }

  u16(type: number): number | undefined {
    return this.#number(type, 2, (reader) => reader.u16());
  }

  u16be(type: number): number | undefined {
    return this.#number(type, 2, (reader) => reader.u16be());
  }

  u32(type: number): number | undefined {
    return this.#number(type, 4, (reader) => reader.u32());
  }

  u32be(type: number): number | undefined {
    return this.#number(type, 4, (reader) => reader.u32be());
  }

  i32(type: number): number | undefined {
    return this.#number(type, 4, (reader) => reader.i32());
  }

  /** Text up to its first zero byte; bytes that are not UTF-8 become U+FFFD. */
  text(type: number): string | undefined {
    const value = this.#values.get(type);
    if (value === undefined) return undefined;
    const end = value.indexOf(0);
    return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
  }

  nested(type: number): Attributes | undefined {
    const value = this.#values.get(type);
    return value === undefined ? undefined : Attributes.decode(value);
  }

  #number(type: number, size: number, read: (reader: ByteReader) => number): number | undefined {
    const value = this.#values.get(type);
    if (value === undefined) return undefined;
    if (value.length !== size) throw new WireError(`attribute ${type} has ${value.length} bytes, not ${size}`, 0);
    return read(new ByteReader(value));
  }
}

/** The attributes in the order in which they came, duplicates included. */
export function decodeAttributeList(bytes: Uint8Array): readonly Attribute[] {
  const reader = new ByteReader(bytes);
  const attributes: Attribute[] = [];
  while (reader.remaining >= HEADER) {
    const start = reader.offset;
    const length = reader.u16();
    const type = reader.u16() & TYPE_MASK;
    if (length < HEADER) throw new WireError(`attribute of ${length} bytes`, start);
    attributes.push({ type, value: reader.take(length - HEADER) });
    reader.skip(Math.min(-length & 3, reader.remaining));
  }
  return attributes;
}
