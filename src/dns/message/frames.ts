/**
 * DNS over TCP: each message after its length in 16 bits (RFC 1035 section 4.2.2), any number of them on one connection
 * (RFC 7766). The reader takes bytes as they arrive and keeps at most one unfinished message.
 */
import { MAX_MESSAGE } from "./codes.ts";

const LENGTH_SIZE = 2;

export class FrameReader {
  #rest: Uint8Array = new Uint8Array(0);

  /** The messages that are complete now, each in memory of its own that nobody writes to. */
  push(chunk: Uint8Array): readonly Uint8Array[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages: Uint8Array[] = [];
    let at = 0;
    while (at + LENGTH_SIZE <= bytes.length) {
      const end = at + LENGTH_SIZE + (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0));
      if (end > bytes.length) break;
      messages.push(Uint8Array.from(bytes.subarray(at + LENGTH_SIZE, end)));
      at = end;
    }
    this.#rest = Uint8Array.from(bytes.subarray(at));
    return messages;
  }

  /** Bytes of the unfinished message. */
  get pending(): number {
    return this.#rest.length;
  }
}

/** The message with its length before it. It has at most 65,535 bytes. */
export function encodeFrame(message: Uint8Array): Uint8Array {
  if (message.length > MAX_MESSAGE) throw new RangeError(`a DNS message of ${message.length} bytes`);
  const frame = new Uint8Array(LENGTH_SIZE + message.length);
  frame[0] = message.length >> 8;
  frame[1] = message.length & 0xff;
  frame.set(message, LENGTH_SIZE);
  return frame;
}
