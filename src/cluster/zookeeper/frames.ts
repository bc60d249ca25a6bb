/** A stream of bytes cut into frames of a length and a body (`jute.ts`); what cannot be one is refused. */
import { WireError } from "../../wire/byte-reader.ts";

/** The longest answer that is taken: the names below one node, which are the many. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;
const LENGTH_BYTES = 4;

export class FrameReader {
  #chunks: Buffer[] = [];
  #length = 0;

  /** The frames that are complete with these bytes. Throws WireError. */
  *push(chunk: Buffer): Generator<Buffer> {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    for (;;) {
      const needed = this.#needed();
      if (needed === undefined || this.#length < needed) return;
      const all = this.#chunks.length === 1 ? (this.#chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#chunks);
      const rest = all.subarray(needed);
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#length = rest.length;
      yield all.subarray(LENGTH_BYTES, needed);
    }
  }

  /** Bytes of the next frame with its length; undefined while that has not come. */
  #needed(): number | undefined {
    if (this.#length < LENGTH_BYTES) return undefined;
    const first = this.#chunks[0] ?? Buffer.alloc(0);
    const head = first.length >= LENGTH_BYTES ? first : Buffer.concat(this.#chunks);
    if (head !== first) this.#chunks = [head];
    const length = head.readInt32BE(0);
    if (length < 0 || length > MAX_FRAME_BYTES) throw new WireError(`a frame of ${length} bytes`, 0);
    return LENGTH_BYTES + length;
  }
}

export function encodeFrame(...parts: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(LENGTH_BYTES);
  head.writeInt32BE(parts.reduce((sum, part) => sum + part.length, 0));
  return Buffer.concat([head, ...parts]);
}
