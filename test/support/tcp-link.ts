/**
 * A cable between a client in this process and a server: a relay on loopback that can be cut as a pulled cable is. While it is
 * cut, nothing arrives on either side and nobody is told; new connections are made and stay silent. Healed, the old
 * connections are gone, as after a longer cut.
 */
import { connect, createServer, type Socket } from "node:net";

export class TcpLink implements AsyncDisposable {
  readonly port: number;
  readonly #close: () => Promise<void>;
  readonly #sockets: Set<Socket>;
  readonly #state: { cut: boolean };

  private constructor(port: number, sockets: Set<Socket>, state: { cut: boolean }, close: () => Promise<void>) {
    this.port = port;
    this.#sockets = sockets;
    this.#state = state;
    this.#close = close;
  }

  /** A link to the server at `127.0.0.1:serverPort`, whether it is there or not: while it is not, connections are closed. */
  static async open(serverPort: number): Promise<TcpLink> {
    const state = { cut: false };
    const sockets = new Set<Socket>();
    const keep = (socket: Socket): Socket => {
      sockets.add(socket);
      socket.setNoDelay(true).on("error", () => undefined);
      return socket.once("close", () => sockets.delete(socket));
    };
    const server = createServer((near) => {
      keep(near);
      if (state.cut) return near.pause();
      const far = keep(connect(serverPort, "127.0.0.1"));
      near.pipe(far).pipe(near);
      near.once("close", () => far.destroy());
      far.once("close", () => near.destroy());
      return near;
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
    return new TcpLink(address.port, sockets, state, async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    });
  }

  cut(): void {
    this.#state.cut = true;
    for (const socket of this.#sockets) {
      socket.unpipe();
      // Dropping an end would tell the other; what comes is neither read nor passed on.
      socket.pause();
    }
  }

  heal(): void {
    this.#state.cut = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}
