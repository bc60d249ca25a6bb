/**
 * A client that asks as fast as it gets answers: on each of four sockets a batch of 64 queries under way, sent and received
 * with one system call each, so that the client is never slower than the server. Counts answers; a batch whose answers stay
 * away for 100 ms is given up and counted as lost.
 */
import { parentPort, workerData } from "node:worker_threads";
import koffi from "koffi";
import { parseAddress } from "../../src/addr/ip-address.ts";
import { encodeSocketAddress } from "../../src/dns/forward/socket-address.ts";
import { addressOf, ADDRESS_FAMILY, libc, MSG, SOCKET } from "../../src/dns/server/libc.ts";
import { encodeName } from "../../src/dns/message/name.ts";
import { BATCH_SLOTS, MessageTable } from "../../src/dns/server/message-table.ts";

const SOCKETS = 4;
const ROOM = 512;
const GIVE_UP_MS = 100;
const POLL_IN = 1;

const poll: (fds: Uint8Array, count: number, timeoutMs: number) => number = koffi
  .load(null)
  .func("int poll(void *, ulong, int)");

class Pipe {
  readonly fd: number;
  underWay = 0;
  readonly #queries = Buffer.from(new ArrayBuffer(BATCH_SLOTS * ROOM));
  readonly #answers = Buffer.from(new ArrayBuffer(BATCH_SLOTS * ROOM));
  readonly #out = new MessageTable();
  readonly #in = new MessageTable();

  constructor(port: number, salt: number) {
    this.fd = libc.socket(ADDRESS_FAMILY.INET, SOCKET.DGRAM | SOCKET.NONBLOCK | SOCKET.CLOEXEC, 0);
    const server = encodeSocketAddress(parseAddress("127.0.0.11"), port);
    libc.connect(this.fd, server, server.length);
    const [out, into] = [addressOf(this.#queries), addressOf(this.#answers)];
    for (let slot = 0; slot < BATCH_SLOTS; slot++) {
      const query = encodeQuery(slot, `c${(slot * 13 + salt * 250) % 1000}`);
      this.#queries.set(query, slot * ROOM);
      this.#out.set(slot, 0n, out + BigInt(slot * ROOM), query.length);
      this.#in.set(slot, 0n, into + BigInt(slot * ROOM), ROOM);
    }
  }

  send(): void {
    this.underWay = Math.max(libc.sendmmsg(this.fd, this.#out.bytes, BATCH_SLOTS, MSG.DONTWAIT), 0);
  }

  receive(): number {
    const count = Math.max(libc.recvmmsg(this.fd, this.#in.bytes, BATCH_SLOTS, MSG.DONTWAIT, null), 0);
    this.underWay -= Math.min(count, this.underWay);
    return count;
  }
}

function encodeQuery(id: number, name: string): Uint8Array {
  const head = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, encodeName(name) ?? Buffer.of(0), Buffer.from([0, 1, 0, 1])]);
}

function blast(port: number, seconds: number): { answered: number; lost: number } {
  const pipes = Array.from({ length: SOCKETS }, (_, index) => new Pipe(port, index));
  const fds = new Int32Array(SOCKETS * 2);
  pipes.forEach((pipe, index) => fds.set([pipe.fd, POLL_IN], index * 2));
  const total = { answered: 0, lost: 0 };
  const end = performance.now() + seconds * 1000;
  for (const pipe of pipes) pipe.send();
  while (performance.now() < end) {
    const ready = poll(new Uint8Array(fds.buffer), SOCKETS, GIVE_UP_MS);
    for (const pipe of pipes) {
      total.answered += pipe.receive();
      if (ready === 0) {
        total.lost += pipe.underWay;
        pipe.underWay = 0;
      }
      if (pipe.underWay === 0) pipe.send();
    }
  }
  for (const pipe of pipes) libc.close(pipe.fd);
  return total;
}

const { port, seconds }: { port: number; seconds: number } = workerData;
parentPort?.postMessage(blast(port, seconds));
