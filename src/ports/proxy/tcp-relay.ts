/**
 * Takes TCP connections from one held socket to a container: bytes both ways as fast as the slower side takes them, each
 * half closed when the other end closes it, a reset for a reset.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Order } from "./protocol.ts";
import type { Budget, Relay } from "./relay.ts";

export class TcpRelay implements Relay {
  readonly #order: Order;
  readonly #budget: Budget;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** Listens when `ready` resolves. `fd` is the relay's from now on. */
  constructor(fd: number, order: Order, budget: Budget) {
    this.#order = order;
    this.#budget = budget;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
    this.#server.listen({ fd });
  }

  /** Throws when the socket cannot be listened to. */
  async ready(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("listening", resolve).once("error", reject);
    await promise;
    this.#server.on("error", () => undefined);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #accept(client: Socket): void {
    if (!this.#budget.take()) {
      client.resetAndDestroy();
      return;
    }
    const { address: host, port } = this.#order;
    const container = connect({ host, port, allowHalfOpen: true, noDelay: true });
    let open = 2;
    for (const [one, other] of [
      [client, container],
      [container, client],
    ] as const) {
      this.#sockets.add(one);
      one.setKeepAlive(true);
      one.on("error", () => other.resetAndDestroy());
      one.once("close", () => {
        this.#sockets.delete(one);
        if (!other.writableEnded) other.destroy();
        if (--open === 0) this.#budget.give();
      });
      one.pipe(other);
    }
  }
}
