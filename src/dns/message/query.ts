/**
 * Reads queries (RFC 1035 section 4.1, EDNS0 of RFC 6891). Total: any bytes give a query, a refusal with its code, or
 * silence; nothing throws, and no loop runs longer than the message has bytes.
 *
 *     0        2        4        6        8        10       12
 *     | id     | flags  | QDCOUNT| ANCOUNT| NSCOUNT| ARCOUNT| question, then records
 */
import { FLAG, HEADER_SIZE, PLAIN_UDP_SIZE, RCODE, TYPE } from "./codes.ts";
import { decodeName, skipName } from "./name.ts";

export interface Query {
  readonly id: number;
  readonly flags: number;
  /** As `DecodedName.text`. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Where the question section ends, in bytes. */
  readonly questionEnd: number;
  /** The largest UDP answer that the client takes, in bytes: 512 or what EDNS0 says above that. */
  readonly udpSize: number;
  /** Whether it has an OPT record, so that the answer must have one too. */
  readonly edns: boolean;
}

export type DecodedQuery =
  | { readonly kind: "query"; readonly query: Query }
  /** To be answered with this code; `questionEnd` says how much of the question may be repeated. */
  | { readonly kind: "refusal"; readonly rcode: number; readonly questionEnd: number; readonly edns: boolean }
  /** Not even a header, or itself an answer: answering could make two servers talk for ever. */
  | { readonly kind: "ignore" };

const IGNORE: DecodedQuery = { kind: "ignore" };

/** Reads the first `length` bytes. */
export function decodeQuery(message: Uint8Array, length = message.length): DecodedQuery {
  if (length < HEADER_SIZE) return IGNORE;
  const flags = u16(message, 2);
  if ((flags & FLAG.QR) !== 0) return IGNORE;
  if ((flags & FLAG.OPCODE) !== 0) return refusal(RCODE.NOTIMP);
  if (u16(message, 4) !== 1) return refusal(RCODE.FORMERR);
  const name = decodeName(message, HEADER_SIZE, length);
  if (name === undefined || name.end + 4 > length) return refusal(RCODE.FORMERR);
  const questionEnd = name.end + 4;
  const edns = findEdns(message, questionEnd, length);
  if (edns === "malformed") return refusal(RCODE.FORMERR);
  if (edns !== undefined && edns.version !== 0) {
    return { kind: "refusal", rcode: RCODE.BADVERS, questionEnd, edns: true };
  }
  const query: Query = {
    id: u16(message, 0),
    flags,
    name: name.text,
    type: u16(message, name.end),
    class: u16(message, name.end + 2),
    questionEnd,
    udpSize: Math.max(PLAIN_UDP_SIZE, edns?.udpSize ?? 0),
    edns: edns !== undefined,
  };
  return { kind: "query", query };
}

function refusal(rcode: number): DecodedQuery {
  return { kind: "refusal", rcode, questionEnd: HEADER_SIZE, edns: false };
}

interface Edns {
  readonly udpSize: number;
  readonly version: number;
}

/**
 * Looks for the one OPT record among all records. Each record has at least 11 bytes, so a hostile count ends with them.
 *
 *     | name | type 2 | class 2 (UDP size) | TTL 4 (code, version, flags) | length 2 | data |
 */
function findEdns(message: Uint8Array, start: number, length: number): Edns | "malformed" | undefined {
  let records = u16(message, 6) + u16(message, 8) + u16(message, 10);
  let at = start;
  let found: Edns | undefined;
  for (; records > 0; records--) {
    const nameEnd = skipName(message, at, length);
    if (nameEnd === undefined || nameEnd + 10 > length) return "malformed";
    const dataEnd = nameEnd + 10 + u16(message, nameEnd + 8);
    if (dataEnd > length) return "malformed";
    if (u16(message, nameEnd) === TYPE.OPT) {
      if (found !== undefined || message[at] !== 0) return "malformed";
      found = { udpSize: u16(message, nameEnd + 2), version: message[nameEnd + 5] ?? 0 };
    }
    at = dataEnd;
  }
  return found;
}

function u16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}
