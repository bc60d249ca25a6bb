/**
 * TCP port of one sandbox. Connections are bounded in number, in queries under way, in bytes not yet sent and in idle time;
 * queries on one connection are answered as their answers come, in any order (RFC 7766 section 6.2.1.1).
 */
import { Socket } from "node:net";
import type { Answerer } from "../answer.ts";
import { MAX_MESSAGE } from "../message/codes.ts";
import { encodeFrame, FrameReader } from "../message/frames.ts";
import type { Query } from "../message/query.ts";
import { EPOLL, libc, SOCKET } from "./libc.ts";
import type { ListenerContext } from "./udp-listener.ts";

export const MAX_CONNECTIONS = 64;
const ACCEPTS_PER_TURN = 16;
const IDLE_MS = 10_000;
/** Above either of these nothing more is read from the connection until it has drained. */
const MAX_UNDER_WAY = 64;
const MAX_UNSENT = 1 << 18;

/** An answerer over memory for one message of the largest size; its `judge` is called with start 0. */
export interface TcpAnswerer {
  readonly answerer: Answerer;
  readonly memory: Uint8Array;
}

export class TcpListener {
  readonly #fd: number;
  readonly #context: ListenerContext;
  readonly #tcpAnswerer: TcpAnswerer;
  readonly #connections = new Set<Connection>();

  /** The descriptor listens, and stays the caller's. */
  constructor(fd: number, context: ListenerContext, tcpAnswerer: TcpAnswerer) {
    this.#fd = fd;
    this.#context = context;
    this.#tcpAnswerer = tcpAnswerer;
    context.poller.add(fd, EPOLL.IN, () => this.#accept());
  }

  /** Stops listening and cuts all connections. */
  close(): void {
    this.#context.poller.remove(this.#fd);
    for (const connection of this.#connections) connection.destroy();
  }

  #accept(): void {
    for (let round = 0; round < ACCEPTS_PER_TURN; round++) {
      const fd = libc.accept(this.#fd, null, null, SOCKET.NONBLOCK | SOCKET.CLOEXEC);
      if (fd < 0) return;
      if (this.#connections.size >= MAX_CONNECTIONS) {
        this.#context.counters.connectionsRefused++;
        libc.close(fd);
      } else {
        this.#context.counters.connections++;
        this.#adopt(new Socket({ fd, readable: true, writable: true, allowHalfOpen: true }));
      }
    }
  }

  #adopt(socket: Socket): void {
    const connection = new Connection(socket, this.#context, this.#tcpAnswerer);
    this.#connections.add(connection);
    socket.once("close", () => this.#connections.delete(connection));
  }
}

class Connection {
  readonly #socket: Socket;
  readonly #context: ListenerContext;
  readonly #tcpAnswerer: TcpAnswerer;
  readonly #frames = new FrameReader();
  #underWay = 0;
  #ended = false;

  constructor(socket: Socket, context: ListenerContext, tcpAnswerer: TcpAnswerer) {
    this.#socket = socket;
    this.#context = context;
    this.#tcpAnswerer = tcpAnswerer;
    socket.setTimeout(IDLE_MS, () => this.destroy());
    // Whatever ends the connection, "close" follows; there is nobody to tell.
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Uint8Array) => this.#read(chunk));
    socket.on("drain", () => this.#readOn());
    socket.on("end", () => {
      this.#ended = true;
      this.#finishIfDone();
    });
    socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(chunk: Uint8Array): void {
    for (const message of this.#frames.push(chunk)) this.#handle(message);
    if (this.#underWay > MAX_UNDER_WAY || this.#socket.writableLength > MAX_UNSENT) this.#socket.pause();
  }

  #readOn(): void {
    if (this.#underWay <= MAX_UNDER_WAY && this.#socket.writableLength <= MAX_UNSENT) this.#socket.resume();
  }

  #handle(message: Uint8Array): void {
    const { counters } = this.#context;
    const { answerer, memory } = this.#tcpAnswerer;
    counters.queries++;
    const verdict = answerer.judge(message, this.#context.sandbox(), { start: 0, room: MAX_MESSAGE, transport: "tcp" });
    if (verdict.kind === "reply") {
      if (verdict.local) counters.local++;
      else counters.failed++;
      this.#write(memory.subarray(0, verdict.size));
    } else if (verdict.kind === "forward") {
      this.#forward(verdict.query, message);
    } else {
      counters.ignored++;
      this.destroy();
    }
  }

  #forward(query: Query, message: Uint8Array): void {
    const { counters, sandboxId } = this.#context;
    counters.forwarded++;
    this.#underWay++;
    this.#context.forward({
      sandboxId,
      query,
      message,
      transport: "tcp",
      respond: (outcome) => {
        this.#underWay--;
        if (outcome.kind === "failure") counters.failed++;
        const answer =
          outcome.kind === "answer"
            ? outcome.message
            : this.#tcpAnswerer.answerer.failure(message, query, outcome.rcode);
        this.#write(answer);
        this.#readOn();
        this.#finishIfDone();
      },
    });
  }

  #write(answer: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(encodeFrame(answer));
  }

  /** The client said that it asks no more: once it has all answers, so do we. */
  #finishIfDone(): void {
    if (this.#ended && this.#underWay === 0) this.#socket.end();
  }
}
