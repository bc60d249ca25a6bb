/**
 * Bounds-checked reading of foreign bytes. Every read past the end throws `WireError`; nothing else is thrown, nothing loops.
 * Kernel structures are read in host order (`u16`, `u32`, ...), network formats in big-endian (`u16be`, ...).
 */
import { endianness } from "node:os";

/** The bytes are not what the format says. `offset` is where reading stopped, in bytes. */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(`${message} at byte ${offset}`);
    this.offset = offset;
  }
}

/** Whether this machine stores the least significant byte first. */
export const LITTLE_ENDIAN = endianness() === "LE";

export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  /** Where the next read starts, in bytes. */
  offset: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = offset;
  }

  get remaining(): number {
    return this.bytes.length - this.offset;
  }

  /** Moves on by `size` bytes and returns where they began. */
  skip(size: number): number {
    const start = this.offset;
    if (size < 0 || start + size > this.bytes.length)
      throw new WireError(`${size} bytes wanted, ${this.remaining} left`, start);
    this.offset = start + size;
    return start;
  }

  /** The next `size` bytes, as a view into the same memory. */
  take(size: number): Uint8Array {
    const start = this.skip(size);
    return this.bytes.subarray(start, start + size);
  }

  u8(): number {
    return this.#view.getUint8(this.skip(1));
  }

  u16(): number {
    return this.#view.getUint16(this.skip(2), LITTLE_ENDIAN);
  }

  u32(): number {
    return this.#view.getUint32(this.skip(4), LITTLE_ENDIAN);
  }

  i32(): number {
    return this.#view.getInt32(this.skip(4), LITTLE_ENDIAN);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.skip(8), LITTLE_ENDIAN);
  }

  u16be(): number {
    return this.#view.getUint16(this.skip(2));
  }

  u32be(): number {
    return this.#view.getUint32(this.skip(4));
  }
}
