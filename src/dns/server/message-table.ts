/**
 * The array of `struct mmsghdr` that recvmmsg(2) and sendmmsg(2) work on, each with one `struct iovec`, laid out once:
 *
 *     struct mmsghdr (64 bytes)                                       struct iovec (16 bytes)
 *     0 name*  8 namelen  16 iov*  24 iovlen  32 control*             0 base*  8 length
 *     40 controllen  48 flags  56 received length
 *
 * Typed arrays have the machine's byte order, as the kernel wants it.
 */
import { addressOf } from "./libc.ts";

export const BATCH_SLOTS = 64;

export const MESSAGE_HEADER_SIZE = 64;

/** Where the fields are in 32-bit words. */
const WORD = { nameSize: 2, flags: 12, length: 14, perSlot: MESSAGE_HEADER_SIZE / 4 } as const;

export class MessageTable {
  /** To be handed to the kernel. */
  readonly bytes = Buffer.from(new ArrayBuffer(BATCH_SLOTS * MESSAGE_HEADER_SIZE));
  readonly #words = new Uint32Array(this.bytes.buffer);
  readonly #pointers = new BigUint64Array(this.bytes.buffer);
  readonly #vectors = new BigUint64Array(BATCH_SLOTS * 2);

  constructor() {
    const vectors = addressOf(new Uint8Array(this.#vectors.buffer));
    for (let slot = 0; slot < BATCH_SLOTS; slot++) {
      this.#pointers[slot * 8 + 2] = vectors + BigInt(slot * 16);
      this.#pointers[slot * 8 + 3] = 1n;
    }
  }

  /** Makes a slot mean `size` bytes at `base`, to or from the socket address at `name` (0 for none). */
  set(slot: number, name: bigint, base: bigint, size: number): void {
    this.#pointers[slot * 8] = name;
    this.#vectors[slot * 2] = base;
    this.#vectors[slot * 2 + 1] = BigInt(size);
  }

  /** Says how many bytes each socket address has room for; the kernel overwrites that at every receive. */
  resetNames(size: number): void {
    for (let slot = 0; slot < BATCH_SLOTS; slot++) this.#words[slot * WORD.perSlot + WORD.nameSize] = size;
  }

  /** MSG bits that the kernel set on the message received in a slot. */
  flags(slot: number): number {
    return this.#words[slot * WORD.perSlot + WORD.flags] ?? 0;
  }

  /** How many bytes were received in a slot. */
  length(slot: number): number {
    return this.#words[slot * WORD.perSlot + WORD.length] ?? 0;
  }
}
