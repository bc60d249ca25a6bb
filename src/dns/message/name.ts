/**
 * Domain names on the wire (RFC 1035 sections 3.1 and 4.1.4): labels with a length byte, ended by a zero byte or by a pointer
 * to an earlier name. Decoding is total and ends by construction: a pointer must lead to before the place where its own name
 * (or the last pointer's target) began, and a name has at most 255 bytes.
 *
 *     3 w w w 7 e x a m p l e 0        or        3 w w w 0xC0 offset
 */

/** Longest name in bytes, with length bytes and the final zero. */
const MAX_NAME = 255;
const MAX_LABEL = 63;
const DOT = 0x2e;
const BACKSLASH = 0x5c;

export interface DecodedName {
  /** Lower-case text without a final dot, one character per byte; a dot or backslash inside a label is escaped by `\`. */
  readonly text: string;
  /** Where reading goes on, in bytes. */
  readonly end: number;
}

/** Room for the longest name with every byte escaped. */
const scratch = Buffer.alloc(2 * MAX_NAME);

/** The name at `offset` of a message of `length` bytes; undefined when the bytes are no name. */
export function decodeName(message: Uint8Array, offset: number, length = message.length): DecodedName | undefined {
  let at = offset;
  let end = -1;
  let lowest = offset;
  let wireSize = 1;
  let size = 0;
  for (;;) {
    if (at >= length) return undefined;
    const head = message[at] ?? 0;
    if (head === 0) return { text: scratch.toString("latin1", 0, Math.max(size - 1, 0)), end: end < 0 ? at + 1 : end };
    if (head > MAX_LABEL) {
      const target = ((head & 0x3f) << 8) | (message[at + 1] ?? 0);
      if (head < 0xc0 || at + 1 >= length || target >= lowest) return undefined;
      if (end < 0) end = at + 2;
      lowest = target;
      at = target;
      continue;
    }
    wireSize += head + 1;
    if (at + head >= length || wireSize > MAX_NAME) return undefined;
    const next = at + 1 + head;
    size = copyLabel(message, at + 1, next, size);
    at = next;
  }
}

/** Writes the label from `from` to `to`, and a dot, to the scratch bytes: lower-case and escaped. Returns the new size. */
function copyLabel(message: Uint8Array, from: number, to: number, start: number): number {
  let size = start;
  for (let at = from; at < to; at++) {
    const byte = message[at] ?? 0;
    if (byte === DOT || byte === BACKSLASH) scratch[size++] = BACKSLASH;
    scratch[size++] = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
  }
  scratch[size++] = DOT;
  return size;
}

/** Where the name at `offset` ends, without reading it; undefined when it runs past `length`. */
export function skipName(message: Uint8Array, offset: number, length = message.length): number | undefined {
  let at = offset;
  while (at < length) {
    const head = message[at] ?? 0;
    if (head === 0) return at + 1;
    if (head >= 0xc0) return at + 2 <= length ? at + 2 : undefined;
    if (head > MAX_LABEL) return undefined;
    at += head + 1;
  }
  return undefined;
}

/**
 * The wire form of a dotted name, uncompressed; undefined when a label is empty or has more than 63 bytes, or the name more
 * than 255. Labels are UTF-8; there are no escapes, since the names of networks and endpoints hold no dots within labels.
 */
export function encodeName(text: string): Uint8Array | undefined {
  const labels = text.split(".").map((label) => Buffer.from(label));
  if (labels.some((label) => label.length === 0 || label.length > MAX_LABEL)) return undefined;
  const bytes = Buffer.concat([...labels.flatMap((label) => [Buffer.of(label.length), label]), Buffer.of(0)]);
  return bytes.length > MAX_NAME ? undefined : bytes;
}
