/**
 * A cable between a client and a server that a test can pull: a TCP proxy in this process. Pulled, it passes nothing on and
 * accepts nobody, and neither side is told; plugged in again, what was written meanwhile goes through, as TCP sends it again. It
 * can be long (everything takes a while), and it can be plugged into another server.
 */
import { createServer, connect } from "node:net";
import type { Server, Socket } from "node:net";

interface Place {
  readonly host: string;
  readonly port: number;
}

function parsePlace(host: string): Place {
  const colon = host.lastIndexOf(":");
  return { host: host.slice(0, colon), port: Number(host.slice(colon + 1)) };
}

export class Cable implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<Socket>();
  readonly #delayMs: number;
  #to: Place;
  #pulled = false;

  private constructor(server: Server, port: number, to: Place, delayMs: number) {
    this.port = port;
    this.#to = to;
    this.#delayMs = delayMs;
    this.#server = server;
    server.on("connection", (socket) => this.#accept(socket));
  }

  /** To `host:port`. It listens on a free port of 127.0.0.1. What the server says arrives `delayMs` later. */
  static async to(host: string, delayMs = 0): Promise<Cable> {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
    await promise;
    const bound = server.address();
    if (bound === null || typeof bound === "string") throw new Error("a TCP server without a port");
    return new Cable(server, bound.port, parsePlace(host), delayMs);
  }

  /** Who connects from now on gets to another server; who is connected is cut off. */
  replug(host: string): void {
    this.#to = parsePlace(host);
    for (const socket of this.#sockets) socket.destroy();
  }

  pull(): void {
    this.#pulled = true;
    for (const socket of this.#sockets) socket.pause();
  }

  plug(): void {
    this.#pulled = false;
    for (const socket of this.#sockets) socket.resume();
    for (const socket of this.#waiting) this.#join(socket);
    this.#waiting.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of [...this.#sockets, ...this.#waiting]) socket.destroy();
  }

  #accept(client: Socket): void {
    // As between hosts nobody waits for more before he sends on.
    client.setNoDelay(true).once("error", () => undefined);
    if (!this.#pulled) return this.#join(client);
    this.#waiting.add(client);
    client.once("close", () => this.#waiting.delete(client));
  }

  #join(client: Socket): void {
    const server = connect({ ...this.#to, allowHalfOpen: true, noDelay: true });
    this.#pipe(client, server, 0);
    this.#pipe(server, client, this.#delayMs);
    client.resume();
  }

  #pipe(from: Socket, to: Socket, delayMs: number): void {
    this.#sockets.add(from);
    from.on("data", (chunk) => {
      if (delayMs === 0) to.write(chunk);
      else setTimeout(() => to.writable && to.write(chunk), delayMs);
    });
    from.once("end", () => to.end());
    from.once("error", () => undefined);
    from.once("close", () => {
      this.#sockets.delete(from);
      to.destroySoon();
    });
  }
}
