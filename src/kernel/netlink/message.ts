/**
 * Netlink messages (`struct nlmsghdr` and `struct nlmsgerr`, linux/netlink.h). Pure and total: encoders make bytes from
 * values, decoders give values or a WireError for any bytes.
 *
 *     0            4       6        8           12          16
 *     | length     | type  | flags  | sequence  | port      | payload ...   aligned to 4
 *
 *     payload of NLMSG_ERROR:  | -errno | header of the request (16) | attributes if NLM_F_ACK_TLVS |
 */
import { ByteReader, WireError } from "../../wire/byte-reader.ts";
import type { ByteWriter } from "../../wire/byte-writer.ts";
import { NLM_F, NLMSG, NLMSGERR_ATTR } from "../uapi/netlink.ts";
import { Attributes } from "./attribute.ts";

/** A request before it gets its sequence number. */
export interface Request {
  readonly type: number;
  /** Besides NLM_F_REQUEST, which the socket layer adds. */
  readonly flags: number;
  readonly payload: Uint8Array;
}

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Port id of the socket that it is for; 0 in multicasts. */
  readonly port: number;
  readonly payload: Uint8Array;
}

/** How a request ended. */
export interface Acknowledgement {
  /** Positive; 0 is success. */
  readonly errno: number;
  /** The kernel's own sentence. */
  readonly text?: string;
}

const HEADER = 16;

/** Appends one request, padded, to what will be one datagram. */
export function writeRequest(writer: ByteWriter, request: Request, sequence: number): void {
  writer
    .u32(HEADER + request.payload.length)
    .u16(request.type)
    .u16(request.flags | NLM_F.REQUEST)
    .u32(sequence)
    .u32(0)
    .bytes(request.payload)
    .align(4);
}

/** All messages of one datagram. Throws WireError when a length does not fit. */
export function decodeMessages(datagram: Uint8Array): readonly Message[] {
  const reader = new ByteReader(datagram);
  const messages: Message[] = [];
  while (reader.remaining >= HEADER) messages.push(decodeMessage(reader));
  if (reader.remaining > 0) throw new WireError(`${reader.remaining} bytes after the last message`, reader.offset);
  return messages;
}

function decodeMessage(reader: ByteReader): Message {
  const start = reader.offset;
  const length = reader.u32();
  if (length < HEADER) throw new WireError(`message of ${length} bytes`, start);
  const type = reader.u16();
  const flags = reader.u16();
  const sequence = reader.u32();
  const port = reader.u32();
  const payload = reader.take(length - HEADER);
  reader.skip(Math.min(-length & 3, reader.remaining));
  return { type, flags, sequence, port, payload };
}

/** Reads an NLMSG_ERROR (which also says success) or NLMSG_DONE. */
export function decodeAcknowledgement(message: Message): Acknowledgement {
  const reader = new ByteReader(message.payload);
  if (message.type === NLMSG.DONE && reader.remaining < 4) return { errno: 0 };
  // Not unary minus: the errno of success is 0, never -0.
  const errno = 0 - reader.i32();
  if (message.type === NLMSG.ERROR) skipEcho(reader, message.flags);
  if ((message.flags & NLM_F.ACK_TLVS) === 0) return { errno };
  const text = Attributes.decode(reader.take(reader.remaining)).text(NLMSGERR_ATTR.MSG);
  return text === undefined ? { errno } : { errno, text };
}

/** Skips the request that an error carries: its header alone when capped, else all of it. */
function skipEcho(reader: ByteReader, flags: number): void {
  const start = reader.offset;
  const length = reader.u32();
  if (length < HEADER) throw new WireError(`echoed request of ${length} bytes`, start);
  reader.skip(HEADER - 4);
  if ((flags & NLM_F.CAPPED) === 0) reader.skip((length - HEADER + 3) & ~3);
}
