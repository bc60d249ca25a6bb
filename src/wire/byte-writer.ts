/** A growing byte buffer with host-order (`u16`, `u32`, ...) and big-endian (`u16be`, ...) writes, and patching of lengths. */
import { LITTLE_ENDIAN } from "./byte-reader.ts";

export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(Math.max(capacity, 16));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** How many bytes have been written. */
  get length(): number {
    return this.#length;
  }

  /** What has been written, copied. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  u8(value: number): this {
    const start = this.#reserve(1);
    this.#view.setUint8(start, value);
    return this;
  }

  u16(value: number): this {
    const start = this.#reserve(2);
    this.#view.setUint16(start, value, LITTLE_ENDIAN);
    return this;
  }

  u32(value: number): this {
    const start = this.#reserve(4);
    this.#view.setUint32(start, value, LITTLE_ENDIAN);
    return this;
  }

  i32(value: number): this {
    const start = this.#reserve(4);
    this.#view.setInt32(start, value, LITTLE_ENDIAN);
    return this;
  }

  u64(value: bigint): this {
    const start = this.#reserve(8);
    this.#view.setBigUint64(start, value, LITTLE_ENDIAN);
    return this;
  }

  u16be(value: number): this {
    const start = this.#reserve(2);
    this.#view.setUint16(start, value);
    return this;
  }

  u32be(value: number): this {
    const start = this.#reserve(4);
    this.#view.setUint32(start, value);
    return this;
  }

  bytes(value: Uint8Array): this {
    const start = this.#reserve(value.length);
    this.#bytes.set(value, start);
    return this;
  }

  /** Zero bytes up to the next multiple of `alignment`. */
  align(alignment: number): this {
    const missing = (alignment - (this.#length % alignment)) % alignment;
    const start = this.#reserve(missing);
    this.#bytes.fill(0, start, this.#length);
    return this;
  }

  /** Overwrites two bytes at `offset`, host order. */
  patchU16(offset: number, value: number): this {
    this.#view.setUint16(offset, value, LITTLE_ENDIAN);
    return this;
  }

  /** Overwrites four bytes at `offset`, host order. */
  patchU32(offset: number, value: number): this {
    this.#view.setUint32(offset, value, LITTLE_ENDIAN);
    return this;
  }

  /** Overwrites two bytes at `offset`, big-endian. */
  patchU16be(offset: number, value: number): this {
    this.#view.setUint16(offset, value);
    return this;
  }

  /** Where the next `size` bytes go. It may replace the buffer: reserve first, then look at `#bytes` or `#view`. */
  #reserve(size: number): number {
    const start = this.#length;
    if (start + size > this.#bytes.length) this.#grow(start + size);
    this.#length = start + size;
    return start;
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
