/**
 * Memory for receiving and sending UDP messages in batches (recvmmsg(2), sendmmsg(2)): one system call for up to 64 queries
 * and one for their answers. One batch serves all sandboxes, one after the other. The kernel's structures are laid out once:
 *
 *     struct mmsghdr (64 bytes)                                       struct iovec (16 bytes)
 *     0 name*  8 namelen  16 iov*  24 iovlen  32 control*             0 base*  8 length
 *     40 controllen  48 flags  56 received length
 *
 * Typed arrays have the machine's byte order, as the kernel wants it.
 */
import { addressOf, ERRNO, lastErrno, libc, MSG } from "./libc.ts";
import { OUR_UDP_SIZE } from "../message/reply.ts";

export const BATCH_SLOTS = 64;

/** A client's sockaddr_in. */
export const CLIENT_ADDRESS_SIZE = 16;

/** Largest UDP payload over IPv4. */
export const MAX_DATAGRAM = 65_507;

/** Answers wait here until they are sent together; room for many small ones, and always for one of the largest. */
const ARENA_SIZE = 4 * MAX_DATAGRAM;

const HEADER_SIZE = 64;
const HEADER = { nameSize: 2, flags: 12, length: 14, words: HEADER_SIZE / 4 } as const;

class HeaderTable {
  readonly bytes = Buffer.from(new ArrayBuffer(BATCH_SLOTS * HEADER_SIZE));
  readonly words = new Uint32Array(this.bytes.buffer);
  readonly #pointers = new BigUint64Array(this.bytes.buffer);
  readonly #vectors = new BigUint64Array(BATCH_SLOTS * 2);
  readonly #vectorsAddress = addressOf(new Uint8Array(this.#vectors.buffer));

  constructor() {
    for (let slot = 0; slot < BATCH_SLOTS; slot++) {
      this.#pointers[slot * 8 + 2] = this.#vectorsAddress + BigInt(slot * 16);
      this.#pointers[slot * 8 + 3] = 1n;
      this.words[slot * HEADER.words + HEADER.nameSize] = CLIENT_ADDRESS_SIZE;
    }
  }

  set(slot: number, name: bigint, base: bigint, size: number): void {
    this.#pointers[slot * 8] = name;
    this.#vectors[slot * 2] = base;
    this.#vectors[slot * 2 + 1] = BigInt(size);
  }
}

export class DatagramBatch {
  /** Answers are written here, from `answerStart` on. */
  readonly answers = Buffer.from(new ArrayBuffer(ARENA_SIZE));
  readonly #input = Buffer.from(new ArrayBuffer(BATCH_SLOTS * OUR_UDP_SIZE));
  readonly #clients = Buffer.from(new ArrayBuffer(BATCH_SLOTS * CLIENT_ADDRESS_SIZE));
  readonly #clientsAddress = addressOf(this.#clients);
  readonly #answersAddress = addressOf(this.answers);
  readonly #received = new HeaderTable();
  readonly #sent = new HeaderTable();
  #answerStart = 0;
  #pending = 0;

  constructor() {
    const input = addressOf(this.#input);
    for (let slot = 0; slot < BATCH_SLOTS; slot++) {
      this.#received.set(slot, this.#client(slot), input + BigInt(slot * OUR_UDP_SIZE), OUR_UDP_SIZE);
    }
  }

  /** Receives what is waiting, at most a batch; returns how many messages there are, 0 when none. Never blocks. */
  receive(fd: number): number {
    const { words, bytes } = this.#received;
    for (let slot = 0; slot < BATCH_SLOTS; slot++) words[slot * HEADER.words + HEADER.nameSize] = CLIENT_ADDRESS_SIZE;
    return Math.max(libc.recvmmsg(fd, bytes, BATCH_SLOTS, MSG.DONTWAIT, null), 0);
  }

  /** The message in a slot, in memory that the next `receive` overwrites; undefined when it was longer than we take. */
  message(slot: number): Uint8Array | undefined {
    const { words } = this.#received;
    if (((words[slot * HEADER.words + HEADER.flags] ?? 0) & MSG.TRUNC) !== 0) return undefined;
    const start = slot * OUR_UDP_SIZE;
    return this.#input.subarray(start, start + (words[slot * HEADER.words + HEADER.length] ?? 0));
  }

  /** A copy of the address that the message in a slot came from. */
  clientAddress(slot: number): Uint8Array {
    const start = slot * CLIENT_ADDRESS_SIZE;
    return Uint8Array.from(this.#clients.subarray(start, start + CLIENT_ADDRESS_SIZE));
  }

  /** Where the next answer may be written in `answers`, with room for the largest; sends what waits if need be. */
  answerStart(fd: number): number {
    if (this.#answerStart + MAX_DATAGRAM > ARENA_SIZE || this.#pending === BATCH_SLOTS) this.flush(fd);
    return this.#answerStart;
  }

  /** Queues the answer written at `answerStart` for the client in a slot. */
  answer(slot: number, size: number): void {
    this.#sent.set(this.#pending++, this.#client(slot), this.#answersAddress + BigInt(this.#answerStart), size);
    this.#answerStart += size;
  }

  /** Sends what is queued. What the socket does not take is lost, as UDP may lose it: clients ask again. */
  flush(fd: number): void {
    let done = 0;
    while (done < this.#pending) {
      const left = this.#sent.bytes.subarray(done * HEADER_SIZE);
      const sent = libc.sendmmsg(fd, left, this.#pending - done, MSG.DONTWAIT | MSG.NOSIGNAL);
      if (sent < 0 && lastErrno() === ERRNO.EAGAIN) break;
      // Any other error concerns the first message alone.
      done += sent > 0 ? sent : 1;
    }
    this.#pending = 0;
    this.#answerStart = 0;
  }

  #client(slot: number): bigint {
    return this.#clientsAddress + BigInt(slot * CLIENT_ADDRESS_SIZE);
  }
}
