/**
 * Docker's HTTP API, versions 1.41 to 1.51, over the engine (follows Docker's `api/swagger.yaml` and moby's routers). It owns
 * every piece of Docker JSON; nothing below knows any. It promises that hostile bytes end in a 4xx or a closed connection,
 * never in a crash, and that what a client leaves behind (streams, subscriptions, sockets) goes with it.
 */
import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Server as TlsServer } from "node:tls";
import type { InjectOptions, LightMyRequestResponse as InjectResponse } from "fastify";
import { systemClock, type Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Engine } from "../engine/engine.ts";
import type { ApiContext, ApiSettings } from "./api-context.ts";
import type { ApiApp } from "./api-app.ts";
import { createApp } from "./app.ts";
import { answerClientError } from "./client-error.ts";
import { serveUpgrade, wantsStream } from "./stream/upgrade.ts";

export interface ApiServerOptions {
  readonly engine: Engine;
  readonly log: Log;
  readonly settings: ApiSettings;
  readonly clock?: Clock;
}

/** Where to listen: a unix socket's path, an inherited listening descriptor, or an address. */
export type ListenOn =
  { readonly path: string } | { readonly fd: number } | { readonly host: string; readonly port: number };

export interface ApiServer extends AsyncDisposable {
  /** Listens there, besides where it listens already. Answers the address: a path, or what the kernel chose. */
  listen(on: ListenOn): Promise<string | AddressInfo | null>;
  /**
   * Serves the connections of a listener that the caller owns, a `net.Server` or a `tls.Server` made with
   * `allowHalfOpen: true` (half-closing clients end a process's stdin that way).
   */
  serve(listener: NetServer): void;
  /** For tests: a request without a socket. */
  inject(request: InjectOptions): Promise<InjectResponse>;
  /** Stops listening and ends every connection, streams included. */
  close(): Promise<void>;
}

/** How long a client may take to send its request's headers, in milliseconds. */
const HEADERS_TIMEOUT_MS = 30_000;
/** Connections that may wait to be accepted; the kernel lowers it to its somaxconn, as it does for dockerd. */
const BACKLOG = 4096;
const MAX_HEADER_BYTES = 64 * 1024;

/** Prepares the routes; listens nowhere yet. The engine stays the caller's. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { engine, log, settings, clock = systemClock } = options;
  const context: ApiContext = { engine, log, settings, clock };
  const app = createApp(context);
  await app.ready();
  return new FastifyApiServer(context, app);
}

class FastifyApiServer implements ApiServer {
  readonly #context: ApiContext;
  readonly #app: ApiApp;
  readonly #servers: HttpServer[] = [];
  /** Every open connection, those that left HTTP too. */
  readonly #sockets = new Set<Duplex>();

  constructor(context: ApiContext, app: ApiApp) {
    this.#context = context;
    this.#app = app;
  }

  inject(request: InjectOptions): Promise<InjectResponse> {
    return this.#app.inject(request);
  }

  async listen(on: ListenOn): Promise<string | AddressInfo | null> {
    const server = this.#httpServer();
    server.listen({ ...on, backlog: BACKLOG });
    await once(server, "listening");
    return server.address();
  }

  serve(listener: NetServer): void {
    const server = this.#httpServer();
    // Starts Node's watch over header time-outs, which otherwise begins only with a listen of its own.
    server.emit("listening");
    const event = listener instanceof TlsServer ? "secureConnection" : "connection";
    listener.on(event, (socket: Socket) => server.emit("connection", socket));
  }

  #httpServer(): HttpServer {
    const headersTimeout = this.#context.settings.headersTimeoutMs ?? HEADERS_TIMEOUT_MS;
    const server = createServer(
      {
        headersTimeout,
        requestTimeout: 0,
        connectionsCheckingInterval: Math.min(5_000, headersTimeout),
        keepAliveTimeout: 60_000,
        maxHeaderSize: MAX_HEADER_BYTES,
        shouldUpgradeCallback: wantsStream,
      },
      (request, response) => this.#app.routing(request, response),
    );
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on("upgrade", (request, socket, head) => void serveUpgrade(this.#context, request, { socket, head }));
    server.on("clientError", answerClientError);
    this.#servers.push(server);
    return server;
  }

  async close(): Promise<void> {
    const closing = this.#servers.splice(0);
    const closed = closing.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
    await this.#app.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
