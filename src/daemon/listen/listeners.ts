/**
 * Opens every address that the API shall listen on and hands each listener to whoever serves its connections. Closing stops
 * listening and ends the connections that are still open.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { EngineError, messageOf } from "../../base/errors.ts";
import type { DaemonConfig, TlsFiles } from "../config.ts";
import { formatListenAddress } from "./listen-address.ts";
import type { ListenAddress } from "./listen-address.ts";
import { systemdSockets } from "./systemd-sockets.ts";
import { listenOnPath } from "./unix-socket.ts";

type ListenConfig = Pick<DaemonConfig, "listen" | "group" | "tls">;

/** Serves the connections of a listener from now on; it may be a `tls.Server`. */
export type Serve = (listener: Server) => void;

export class Listeners implements AsyncDisposable {
  readonly #servers: Server[] = [];
  readonly #connections = new Set<Socket>();
  readonly #addresses: string[] = [];
  readonly #serve: Serve;

  private constructor(serve: Serve) {
    this.#serve = serve;
  }

  /** All addresses or none. */
  static async open(serve: Serve, config: ListenConfig): Promise<Listeners> {
    const listeners = new Listeners(serve);
    try {
      for (const address of config.listen) listeners.#addresses.push(...(await listeners.#listen(address, config)));
    } catch (cause) {
      await listeners[Symbol.asyncDispose]();
      throw cause;
    }
    return listeners;
  }

  /** Where it accepts connections, as printed in the log. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#servers.map(async (server) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      await promise;
    });
    for (const socket of this.#connections) socket.destroy();
    await Promise.all(closed);
  }

  async #listen(address: ListenAddress, config: ListenConfig): Promise<readonly string[]> {
    const where = formatListenAddress(address);
    try {
      if (address.kind === "fd") return await this.#listenOnFds(systemdSockets(process.env, process.pid, address.fd));
      if (address.kind === "unix") await listenOnPath(this.#server(), address.path, config.group);
      else await listening(this.#server(config.tls), { host: address.host, port: address.port });
      return [where];
    } catch (cause) {
      throw EngineError.wrap(cause, `listen on ${where}`);
    }
  }

  async #listenOnFds(fds: readonly number[]): Promise<readonly string[]> {
    for (const fd of fds) await listening(this.#server(), { fd });
    return fds.map((fd) => `fd://${fd}`);
  }

  #server(tls?: TlsFiles): Server {
    // The listener for secure connections does nothing here; it marks the server as one that speaks TLS.
    const server =
      tls === undefined
        ? createServer({ allowHalfOpen: true })
        : createTlsServer({ ...readTls(tls), allowHalfOpen: true }, () => undefined);
    server.on("connection", (socket: Socket) => {
      this.#connections.add(socket);
      socket.once("close", () => this.#connections.delete(socket));
    });
    this.#serve(server);
    this.#servers.push(server);
    return server;
  }
}

async function listening(server: Server, where: object): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(where, resolve);
  await promise;
  server.off("error", reject);
}

function readTls(files: TlsFiles): object {
  try {
    return {
      cert: readFileSync(files.cert),
      key: readFileSync(files.key),
      ...(files.ca !== undefined && { ca: readFileSync(files.ca) }),
      requestCert: files.verify,
      rejectUnauthorized: files.verify,
      minVersion: "TLSv1.2",
    };
  } catch (cause) {
    throw new EngineError("invalid-argument", `could not read the TLS files: ${messageOf(cause)}`, { cause });
  }
}
