/**
 * Writes answers straight into the memory that is sent from: header and question repeated from the query (letter case
 * included), then our records, then OPT where the query had one. A record that would pass the limit is left out and the
 * answer marked truncated (TC), so that the client asks again over TCP.
 */
import { CLASS, FLAG, HEADER_SIZE, RCODE, TYPE } from "./codes.ts";

/** Seconds that clients may keep our answers. */
export const TTL = 600;

/** An OPT record without options. */
const OPT_SIZE = 11;

/** The UDP size we announce: what the listener reads in one datagram. */
export const OUR_UDP_SIZE = 4096;

/** Which part of the query is repeated. */
export interface ReplyHead {
  readonly questionEnd: number;
  readonly edns: boolean;
}

export class ReplyWriter {
  readonly #bytes: Uint8Array;
  #start = 0;
  #at = 0;
  #limit = 0;
  #answers = 0;
  #edns = false;

  /** Answers are written into `bytes`, which stays the caller's. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /**
   * Begins an answer at `start`, of at most `limit` bytes, to the query in `message`. The memory must have room for header,
   * question and OPT, whatever the limit.
   */
  begin(message: Uint8Array, head: ReplyHead, place: { readonly start: number; readonly limit: number }): void {
    const { questionEnd, edns } = head;
    this.#start = place.start;
    this.#at = place.start + questionEnd;
    this.#limit = place.start + place.limit - (edns ? OPT_SIZE : 0);
    this.#answers = 0;
    this.#edns = edns;
    this.#bytes.set(message.subarray(0, questionEnd), place.start);
    const recursionDesired = (message[2] ?? 0) & (FLAG.RD >> 8);
    const opcode = (message[2] ?? 0) & (FLAG.OPCODE >> 8);
    this.#bytes[place.start + 2] = (FLAG.QR >> 8) | opcode | recursionDesired;
    this.#bytes[place.start + 3] = FLAG.RA;
    this.#u16(place.start + 4, questionEnd > HEADER_SIZE ? 1 : 0);
    this.#bytes.fill(0, place.start + 6, place.start + HEADER_SIZE);
  }

  /** Adds a record about the question's name; false when it does not fit, and the answer is then marked truncated. */
  record(type: number, data: Uint8Array): boolean {
    const size = 12 + data.length;
    if (this.#at + size > this.#limit) {
      this.#bytes[this.#start + 2] = (this.#bytes[this.#start + 2] ?? 0) | (FLAG.TC >> 8);
      return false;
    }
    const at = this.#at;
    this.#u16(at, 0xc000 | HEADER_SIZE);
    this.#u16(at + 2, type);
    this.#u16(at + 4, CLASS.IN);
    this.#u16(at + 6, TTL >>> 16);
    this.#u16(at + 8, TTL & 0xffff);
    this.#u16(at + 10, data.length);
    this.#bytes.set(data, at + 12);
    this.#at = at + size;
    this.#answers++;
    return true;
  }

  /** Ends the answer and returns how many bytes it has. Codes above 15 need EDNS. */
  finish(rcode: number = RCODE.NOERROR): number {
    this.#bytes[this.#start + 3] = (this.#bytes[this.#start + 3] ?? 0) | (rcode & FLAG.RCODE);
    this.#u16(this.#start + 6, this.#answers);
    if (this.#edns) this.#opt(rcode >> 4);
    return this.#at - this.#start;
  }

  #opt(extendedCode: number): void {
    const at = this.#at;
    this.#bytes[at] = 0;
    this.#u16(at + 1, TYPE.OPT);
    this.#u16(at + 3, OUR_UDP_SIZE);
    this.#u16(at + 5, extendedCode << 8);
    this.#u16(at + 7, 0);
    this.#u16(at + 9, 0);
    this.#u16(this.#start + 10, 1);
    this.#at = at + OPT_SIZE;
  }

  #u16(offset: number, value: number): void {
    this.#bytes[offset] = value >> 8;
    this.#bytes[offset + 1] = value & 0xff;
  }
}
