/**
 * Exchanges over real sockets: a connected UDP or TCP socket per query, so that the kernel picks a random source port, drops
 * what comes from other addresses, and reports an unreachable server at once instead of after a time-out.
 */
import { Socket } from "node:net";
import type { Family } from "../../addr/ip-address.ts";
import { MAX_MESSAGE } from "../message/codes.ts";
import { encodeFrame, FrameReader } from "../message/frames.ts";
import { EPOLL, ERRNO, errnoName, lastErrno, libc, MSG, SOCKET } from "../server/libc.ts";
import type { Poller } from "../server/poller.ts";
import type { Exchange, ExchangeRequest } from "./exchange.ts";
import { encodeSocketAddress } from "./socket-address.ts";

export interface SocketOrder {
  readonly from: "host" | "sandbox";
  readonly sandboxId: string;
  readonly family: Family;
  readonly transport: "udp" | "tcp";
}

/** Where unconnected, non-blocking sockets come from; each belongs to whoever asked for it. */
export interface SocketSource {
  /** A descriptor at once, or later from another namespace. Throws or rejects when there is none. */
  open(order: SocketOrder): number | Promise<number>;
}

/** Datagrams read per turn from one server: it is to send one. */
const READS_PER_TURN = 8;

export class SocketExchange implements Exchange {
  readonly #poller: Poller;
  readonly #source: SocketSource;
  readonly #buffer = Buffer.alloc(MAX_MESSAGE);

  constructor(poller: Poller, source: SocketSource) {
    this.#poller = poller;
    this.#source = source;
  }

  start(request: ExchangeRequest): () => void {
    const talk = new Talk(request, this.#poller, this.#buffer);
    const { upstream, sandboxId, transport } = request;
    try {
      const opened = this.#source.open({
        from: upstream.from,
        sandboxId,
        family: upstream.address.family,
        transport,
      });
      if (typeof opened === "number") talk.begin(opened);
      else
        opened.then(
          (fd) => talk.begin(fd),
          (cause: unknown) => talk.fail(String(cause)),
        );
    } catch (cause) {
      talk.fail(String(cause));
    }
    return () => talk.close();
  }
}

/** One socket's life: opened, connected, sent on, listened to, closed. */
class Talk {
  readonly #request: ExchangeRequest;
  readonly #poller: Poller;
  readonly #buffer: Buffer;
  #state:
    | { readonly kind: "opening" }
    | { readonly kind: "raw"; readonly fd: number }
    | { readonly kind: "stream"; readonly socket: Socket }
    | { readonly kind: "closed" } = { kind: "opening" };

  constructor(request: ExchangeRequest, poller: Poller, buffer: Buffer) {
    this.#request = request;
    this.#poller = poller;
    this.#buffer = buffer;
  }

  begin(fd: number): void {
    if (this.#state.kind === "closed") {
      libc.close(fd);
      return;
    }
    this.#state = { kind: "raw", fd };
    const { upstream, transport } = this.#request;
    const address = encodeSocketAddress(upstream.address, upstream.port);
    if (libc.connect(fd, address, address.length) < 0 && lastErrno() !== ERRNO.EINPROGRESS) this.#failErrno("connect");
    else if (transport === "udp") this.#beginUdp(fd);
    else this.#poller.add(fd, EPOLL.OUT, () => this.#connected(fd));
  }

  fail(reason: string): void {
    if (this.#state.kind === "closed") return;
    this.close();
    this.#request.onFailure(reason);
  }

  close(): void {
    const state = this.#state;
    this.#state = { kind: "closed" };
    if (state.kind === "stream") state.socket.destroy();
    if (state.kind !== "raw") return;
    this.#poller.remove(state.fd);
    libc.close(state.fd);
  }

  #beginUdp(fd: number): void {
    const { message } = this.#request;
    if (libc.send(fd, message, message.length, MSG.DONTWAIT | MSG.NOSIGNAL) < 0) this.#failErrno("send");
    else this.#poller.add(fd, EPOLL.IN, () => this.#receive(fd));
  }

  #receive(fd: number): void {
    for (let round = 0; round < READS_PER_TURN && this.#state.kind === "raw"; round++) {
      const size = libc.recv(fd, this.#buffer, this.#buffer.length, MSG.DONTWAIT);
      if (size >= 0) this.#request.onMessage(Uint8Array.from(this.#buffer.subarray(0, size)));
      else {
        if (lastErrno() !== ERRNO.EAGAIN && lastErrno() !== ERRNO.EINTR) this.#failErrno("receive");
        return;
      }
    }
  }

  #connected(fd: number): void {
    const error = socketError(fd);
    if (error !== 0) {
      this.fail(`connect: ${errnoName(error)}`);
      return;
    }
    this.#poller.remove(fd);
    const socket = new Socket({ fd, readable: true, writable: true });
    this.#state = { kind: "stream", socket };
    const frames = new FrameReader();
    socket.on("data", (chunk: Uint8Array) => {
      for (const message of frames.push(chunk)) this.#request.onMessage(message);
    });
    socket.on("error", (cause) => this.fail(cause.message));
    socket.on("close", () => this.fail("connection closed"));
    socket.write(encodeFrame(this.#request.message));
  }

  #failErrno(doing: string): void {
    this.fail(`${doing}: ${errnoName(lastErrno())}`);
  }
}

/** The error that a connection attempt ended with, 0 for none. See socket(7), SO_ERROR. */
function socketError(fd: number): number {
  const value = new Int32Array(1);
  const size = Uint32Array.of(4);
  const bytes = new Uint8Array(value.buffer);
  libc.getsockopt(fd, SOCKET.SOL, SOCKET.SO_ERROR, bytes, new Uint8Array(size.buffer));
  return value[0] ?? 0;
}
