/**
 * How long an upstream's answer may be given again (RFC 1035 section 3.2.1, RFC 2308): as long as its shortest-lived record,
 * and where it says that there is nothing, as long as the zone's SOA allows. Total: bytes that are no answer have no lifetime.
 */
import { FLAG, HEADER_SIZE, RCODE, TYPE } from "./codes.ts";
import { decodeName, skipName } from "./name.ts";
import type { Query } from "./query.ts";
import type { Response } from "./response.ts";

/** From here on types are questions, not data: transfers, ANY, transaction signatures. */
const FIRST_META_TYPE = 128;

export interface Lifetime {
  /** Above 0. */
  readonly seconds: number;
  /** It says that there is no such name, or nothing of that type. */
  readonly negative: boolean;
  /** Where the TTLs of its records are, in bytes. */
  readonly ttlOffsets: readonly number[];
}

interface Record {
  readonly type: number;
  readonly ttl: number;
  readonly ttlOffset: number;
  readonly dataEnd: number;
}

/** The lifetime of a response to `query`; undefined when it must not be given to anybody else. */
export function lifetimeOf(message: Uint8Array, query: Query, response: Response): Lifetime | undefined {
  if (response.truncated || query.type >= FIRST_META_TYPE) return undefined;
  if (response.rcode !== RCODE.NOERROR && response.rcode !== RCODE.NXDOMAIN) return undefined;
  const sections = readSections(message, response.questionEnd);
  if (sections === undefined) return undefined;
  const records = sections.flat().filter(({ type }) => type !== TYPE.OPT);
  const [answers = [], authorities = []] = sections;
  const negative = response.rcode === RCODE.NXDOMAIN || !answers.some(({ type }) => type === query.type);
  const soa = authorities.find(({ type }) => type === TYPE.SOA);
  if (negative && soa === undefined) return undefined;
  // The last field of an SOA is how long its zone's "no" may be believed.
  const minimum = negative && soa !== undefined ? [u32(message, soa.dataEnd - 4)] : [];
  const seconds = Math.min(...records.map(({ ttl }) => ttl), ...minimum);
  if (!(seconds > 0)) return undefined;
  return { seconds, negative, ttlOffsets: records.map(({ ttlOffset }) => ttlOffset) };
}

/** Whether a query asks no more than its question, so that what it is answered fits everybody who asks the same. */
export function isPlainQuery(message: Uint8Array, query: Query): boolean {
  const tail = message.length - query.questionEnd;
  // An OPT record without options has 11 bytes.
  return query.edns ? tail === 11 && u16(message, 10) === 1 : tail === 0;
}

/** What besides the question an answer depends on: RD, AD and CD, EDNS0 and its DO bit. */
export function queryTraits(message: Uint8Array, query: Query): number {
  const asked = query.flags & (FLAG.RD | FLAG.AD | FLAG.CD);
  if (!query.edns) return asked;
  const wantsSignatures = ((message[query.questionEnd + 7] ?? 0) & 0x80) !== 0;
  return asked | (wantsSignatures ? 3 : 1);
}

/** Answer, authority and additional records; undefined when the bytes are malformed. */
function readSections(message: Uint8Array, start: number): readonly (readonly Record[])[] | undefined {
  const sections: Record[][] = [];
  let at = start;
  for (let field = 6; field < HEADER_SIZE; field += 2) {
    const records: Record[] = [];
    for (let left = u16(message, field); left > 0; left--) {
      const record = readRecord(message, at);
      if (record === undefined) return undefined;
      records.push(record);
      at = record.dataEnd;
    }
    sections.push(records);
  }
  return sections;
}

/**
 *     | name | type 2 | class 2 | TTL 4 | length 2 | data |
 */
function readRecord(message: Uint8Array, at: number): Record | undefined {
  const nameEnd = skipName(message, at, message.length);
  if (nameEnd === undefined || nameEnd + 10 > message.length) return undefined;
  const size = u16(message, nameEnd + 8);
  const dataEnd = nameEnd + 10 + size;
  if (dataEnd > message.length) return undefined;
  const type = u16(message, nameEnd);
  if (type === TYPE.SOA && !isSoa(message, nameEnd + 10, dataEnd)) return undefined;
  const ttlOffset = nameEnd + 4;
  const ttl = u32(message, ttlOffset);
  // A TTL is a positive number of 31 bits; what is not means zero (RFC 2181 section 8).
  return { type, ttl: ttl > 0x7fff_ffff ? 0 : ttl, ttlOffset, dataEnd };
}

/** Two names and five numbers of 32 bits. */
function isSoa(message: Uint8Array, start: number, end: number): boolean {
  const server = decodeName(message, start);
  const mailbox = server && decodeName(message, server.end);
  return mailbox !== undefined && mailbox.end + 20 === end;
}

function u16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

function u32(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset) * 0x1_0000 + u16(bytes, offset + 2);
}
