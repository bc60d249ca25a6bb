/**
 * Takes datagrams from one held socket to a container, and answers back to whom they are for. Each client has a session with a
 * socket of its own, by which answers are told apart; it ends when nothing came for a while, the oldest first where there
 * are too many.
 */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import type { Order } from "./protocol.ts";
import type { Budget, Relay } from "./relay.ts";

/** As long as dockerd's proxy keeps a client. */
const IDLE_MS = 90_000;
const SWEEP_MS = 10_000;
/** Bytes that wait to be sent by one socket; what comes on top is lost, as datagrams are. */
const MAX_QUEUED_BYTES = 1024 * 1024;
/** Datagrams of a session whose socket is not connected yet. */
const MAX_EARLY = 16;

interface Session {
  readonly socket: Socket;
  readonly early: Uint8Array[];
  isConnected: boolean;
  lastUsedMs: number;
}

export class UdpRelay implements Relay {
  readonly #order: Order;
  readonly #budget: Budget;
  readonly #listener: Socket;
  /** By the client's address and port, the one that was quiet longest first. */
  readonly #sessions = new Map<string, Session>();
  readonly #sweeper: NodeJS.Timeout;

  /** Receives from now on. `fd` is the relay's, unless this throws. */
  constructor(fd: number, order: Order, budget: Budget) {
    this.#order = order;
    this.#budget = budget;
    this.#listener = createSocket(order.family === 4 ? "udp4" : "udp6");
    this.#listener.on("message", (bytes, client) => this.#fromClient(bytes, client));
    this.#listener.on("error", () => undefined);
    // A bound socket is taken over at once.
    this.#listener.bind({ fd });
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  close(): void {
    clearInterval(this.#sweeper);
    this.#listener.close();
    for (const key of this.#sessions.keys()) this.#end(key);
  }

  #fromClient(bytes: Uint8Array, client: RemoteInfo): void {
    const key = `${client.address} ${client.port}`;
    const session = this.#sessions.get(key) ?? this.#begin(key, client);
    if (session === undefined) return;
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    session.lastUsedMs = performance.now();
    if (session.isConnected) sendBounded(session.socket, bytes);
    else if (session.early.length < MAX_EARLY) session.early.push(bytes);
  }

  #begin(key: string, client: RemoteInfo): Session | undefined {
    if (!this.#budget.take()) {
      const [oldest] = this.#sessions.keys();
      if (oldest === undefined) return undefined;
      this.#end(oldest);
      if (!this.#budget.take()) return undefined;
    }
    const { address, port } = this.#order;
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    const session: Session = { socket, early: [], isConnected: false, lastUsedMs: performance.now() };
    socket.on("message", (bytes) => {
      session.lastUsedMs = performance.now();
      sendBounded(this.#listener, bytes, client);
    });
    // A refusal by the container (ICMP) is told by the socket; the next datagram may find somebody there.
    socket.on("error", () => undefined);
    socket.connect(port, address, () => {
      session.isConnected = true;
      for (const bytes of session.early.splice(0)) sendBounded(socket, bytes);
    });
    this.#sessions.set(key, session);
    return session;
  }

  #sweep(): void {
    const limit = performance.now() - IDLE_MS;
    for (const [key, { lastUsedMs }] of this.#sessions) if (lastUsedMs < limit) this.#end(key);
  }

  #end(key: string): void {
    const session = this.#sessions.get(key);
    if (session === undefined) return;
    this.#sessions.delete(key);
    session.socket.close();
    this.#budget.give();
  }
}

function sendBounded(socket: Socket, bytes: Uint8Array, to?: RemoteInfo): void {
  if (socket.getSendQueueSize() > MAX_QUEUED_BYTES) return;
  if (to === undefined) socket.send(bytes, ignoreFailure);
  else socket.send(bytes, to.port, to.address, ignoreFailure);
}

function ignoreFailure(): void {
  // A datagram may be lost.
}
