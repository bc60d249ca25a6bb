/**
 * Numbers of the DNS protocol under their names in the IANA registry "Domain Name System (DNS) Parameters" (RFC 1035,
 * RFC 3596, RFC 6891, RFC 9460), only those that we act on.
 */

export const TYPE = { A: 1, SOA: 6, PTR: 12, MX: 15, AAAA: 28, SRV: 33, OPT: 41, SVCB: 64, HTTPS: 65 } as const;

export const CLASS = { IN: 1, ANY: 255 } as const;

export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 } as const;

/** Bits of the header's second 16-bit word. */
export const FLAG = {
  QR: 0x8000,
  OPCODE: 0x7800,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
  RCODE: 0x000f,
} as const;

/** Bytes of the fixed header: id, flags and four counts, 16 bits each. */
export const HEADER_SIZE = 12;

/** Largest UDP message without EDNS0 (RFC 1035 section 4.2.1). */
export const PLAIN_UDP_SIZE = 512;

/** Largest message that TCP's 16-bit length can carry. */
export const MAX_MESSAGE = 65_535;
