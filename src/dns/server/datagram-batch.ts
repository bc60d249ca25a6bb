/**
 * Receiving and sending UDP messages in batches: one system call for up to 64 queries and one for their answers. One batch,
 * with its memory laid out once, serves all sandboxes, one after the other.
 */
import { addressOf, ERRNO, lastErrno, libc, MSG } from "./libc.ts";
import { BATCH_SLOTS, MESSAGE_HEADER_SIZE, MessageTable } from "./message-table.ts";
import { OUR_UDP_SIZE } from "../message/reply.ts";

/** A client's sockaddr_in. */
export const CLIENT_ADDRESS_SIZE = 16;

/** Largest UDP payload over IPv4. */
export const MAX_DATAGRAM = 65_507;

/** Answers wait here until they are sent together; room for many small ones, and always for one of the largest. */
const ARENA_SIZE = 4 * MAX_DATAGRAM;

export class DatagramBatch {
  /** Answers are written here, from `answerStart` on. */
  readonly answers = Buffer.from(new ArrayBuffer(ARENA_SIZE));
  readonly #input = Buffer.from(new ArrayBuffer(BATCH_SLOTS * OUR_UDP_SIZE));
  readonly #clients = Buffer.from(new ArrayBuffer(BATCH_SLOTS * CLIENT_ADDRESS_SIZE));
  readonly #clientsAddress = addressOf(this.#clients);
  readonly #answersAddress = addressOf(this.answers);
  readonly #received = new MessageTable();
  readonly #sent = new MessageTable();
  #answerStart = 0;
  #pending = 0;

  constructor() {
    this.#sent.resetNames(CLIENT_ADDRESS_SIZE);
    const input = addressOf(this.#input);
    for (let slot = 0; slot < BATCH_SLOTS; slot++) {
      this.#received.set(slot, this.#client(slot), input + BigInt(slot * OUR_UDP_SIZE), OUR_UDP_SIZE);
    }
  }

  /** Receives what is waiting, at most a batch; returns how many messages there are, 0 when none. Never blocks. */
  receive(fd: number): number {
    this.#received.resetNames(CLIENT_ADDRESS_SIZE);
    return Math.max(libc.recvmmsg(fd, this.#received.bytes, BATCH_SLOTS, MSG.DONTWAIT, null), 0);
  }

  /** The message in a slot, in memory that the next `receive` overwrites; undefined when it was longer than we take. */
  message(slot: number): Uint8Array | undefined {
    if ((this.#received.flags(slot) & MSG.TRUNC) !== 0) return undefined;
    const start = slot * OUR_UDP_SIZE;
    return this.#input.subarray(start, start + this.#received.length(slot));
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
      const left = this.#sent.bytes.subarray(done * MESSAGE_HEADER_SIZE);
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
