/** `GET /metrics` on a TCP socket of its own (`--metrics-addr`), as dockerd serves it: no TLS, nothing else, and nothing secret. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { EngineError, messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Metrics } from "./metrics.ts";

export interface MetricsAddress {
  /** A name or an address; empty: every address. */
  readonly host: string;
  /** 0: any. */
  readonly port: number;
}

/** `HOST:PORT` or `:PORT`. Throws `invalid-argument`. */
export function parseMetricsAddress(text: string): MetricsAddress {
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(parts?.[3]);
  if (parts !== null && port <= 65_535) return { host: parts[1] ?? parts[2] ?? "", port };
  throw new EngineError("invalid-argument", `--metrics-addr must be written ADDRESS:PORT: ${text}`);
}

/** Scrapers are few; what is more is a mistake or worse. */
const MOST_CONNECTIONS = 64;
const REQUEST_TIMEOUT_MS = 10_000;

export class MetricsServer implements AsyncDisposable {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Throws `unavailable` when the address cannot be had. */
  static async open({ host, port }: MetricsAddress, metrics: Metrics, log: Log): Promise<MetricsServer> {
    const timeouts = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS };
    const server = createServer(timeouts, (request, response) => void answer(request, response, { metrics, log }));
    server.maxConnections = MOST_CONNECTIONS;
    try {
      server.listen({ port, ...(host === "" ? {} : { host }) });
      await once(server, "listening");
    } catch (cause) {
      throw new EngineError("unavailable", `start the metrics server (--metrics-addr): ${messageOf(cause)}`, { cause });
    }
    const opened = new MetricsServer(server);
    log.info({}, `metrics on http://${opened.address}/metrics`);
    return opened;
  }

  /** "127.0.0.1:9323" */
  get address(): string {
    const bound = this.#server.address();
    return isBound(bound) ? `${bound.family === "IPv6" ? `[${bound.address}]` : bound.address}:${bound.port}` : "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

function isBound(address: AddressInfo | string | null): address is AddressInfo {
  return typeof address === "object" && address !== null;
}

/** Never throws. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { metrics, log }: { readonly metrics: Metrics; readonly log: Log },
): Promise<void> {
  request.resume();
  if (request.url?.split("?")[0] !== "/metrics") return say(response, 404, "404 page not found\n");
  if (request.method !== "GET" && request.method !== "HEAD") return say(response, 405, "Method Not Allowed\n");
  try {
    const text = await metrics.text();
    response.writeHead(200, { "Content-Type": metrics.contentType });
    response.end(request.method === "HEAD" ? undefined : text);
  } catch (cause) {
    log.error({ err: cause }, `metrics not told: ${messageOf(cause)}`);
    say(response, 500, "metrics cannot be collected; see the daemon's log\n");
  }
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(text);
}
