/**
 * Reads what upstream servers answer: hostile until proved ours. An answer counts only if its id and its question are those
 * that we sent. Total, as everything in this folder: any bytes give an answer or undefined.
 */
import { addressFromBytes, type IpAddress } from "../../addr/ip-address.ts";
import { FLAG, HEADER_SIZE, TYPE } from "./codes.ts";
import { decodeName } from "./name.ts";
import type { Query } from "./query.ts";

export interface Response {
  readonly rcode: number;
  readonly truncated: boolean;
  /** Where the question section ends, in bytes. */
  readonly questionEnd: number;
}

/** An address that a server gave for a name; the name is as `DecodedName.text`. */
export interface AddressRecord {
  readonly name: string;
  readonly address: IpAddress;
}

/** The response in `message` to `query` as it was sent under `id`; undefined when it is malformed or not the answer to that. */
export function decodeResponse(message: Uint8Array, query: Query, id: number): Response | undefined {
  if (message.length < HEADER_SIZE) return undefined;
  const flags = u16(message, 2);
  if (u16(message, 0) !== id || (flags & FLAG.QR) === 0 || (flags & FLAG.OPCODE) !== 0) return undefined;
  const rcode = flags & FLAG.RCODE;
  const truncated = (flags & FLAG.TC) !== 0;
  // Servers may refuse without repeating the question; nothing but a failure can be told that way.
  if (u16(message, 4) === 0 && rcode !== 0) return { rcode, truncated, questionEnd: HEADER_SIZE };
  if (u16(message, 4) !== 1) return undefined;
  const name = decodeName(message, HEADER_SIZE);
  if (name === undefined || name.end + 4 > message.length || name.text !== query.name) return undefined;
  if (u16(message, name.end) !== query.type || u16(message, name.end + 2) !== query.class) return undefined;
  return { rcode, truncated, questionEnd: name.end + 4 };
}

/** The A and AAAA records of the answer section, at most `max`; reading stops where the bytes are malformed. */
export function listAddressRecords(message: Uint8Array, response: Response, max = 64): readonly AddressRecord[] {
  const records: AddressRecord[] = [];
  let at = response.questionEnd;
  for (let left = u16(message, 6); left > 0 && records.length < max; left--) {
    const name = decodeName(message, at);
    if (name === undefined || name.end + 10 > message.length) break;
    const size = u16(message, name.end + 8);
    at = name.end + 10 + size;
    if (at > message.length) break;
    const type = u16(message, name.end);
    if (type !== TYPE.A && type !== TYPE.AAAA) continue;
    const address = addressFromBytes(message.subarray(at - size, at));
    if (address !== undefined) records.push({ name: name.text, address });
  }
  return records;
}

function u16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}
