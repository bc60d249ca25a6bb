/**
 * The protocol over HTTP: a POST to `/Interface.Method` is read within bounds of size and time, answered by its method, and the
 * connection closed, so that no daemon is left with one that went stale. What fails is told in `Err`, and to those who ask an
 * IPAM driver in `Error` too; nothing that arrives can end the process.
 */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { EngineError, messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { CONTENT_TYPE, IPAM_DRIVER_INTERFACE } from "../drivers/remote/protocol/protocol.ts";
import { RecordError } from "../store/record-reader.ts";
import type { PluginServer, TlsServerOptions } from "./listen.ts";
import type { Method } from "./method.ts";

/** The largest requests carry published ports: a thousand of them are 100 kB. */
const BODY_LIMIT = 1024 * 1024;
const TIMES = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 1_000 };

interface ServerOptions {
  readonly name: string;
  readonly handlerTimeoutMs: number;
  readonly log: Log;
}

/** A server for `listen`; it is made once it is known whether TLS is spoken. */
export function createPluginServer(methods: readonly Method[], options: ServerOptions): PluginServer {
  const byName = new Map(methods.map((method) => [method.name, method]));
  const onRequest: RequestListener = (request, response) => void respond(byName, options, request, response);
  return {
    create: (tls?: TlsServerOptions) => {
      const server =
        tls === undefined
          ? createServer(TIMES, onRequest)
          : createTlsServer({ ...TIMES, ...tls, requestCert: true, rejectUnauthorized: true }, onRequest);
      // One connection that could not be taken, for want of descriptors say, is not the end of the plugin.
      const onFailure = (error: Error): void =>
        options.log.warn({ error, plugin: options.name }, "connection not taken");
      return server.once("listening", () => server.on("error", onFailure));
    },
  };
}

/** An answer other than success. */
class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function respond(
  methods: ReadonlyMap<string, Method>,
  options: ServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const call = (request.url ?? "").slice(1);
  try {
    if (request.method !== "POST") throw new Refusal(405, `${options.name} answers POST only`);
    const method = methods.get(call);
    if (method === undefined)
      throw new Refusal(404, `${options.name} has no method ${JSON.stringify(call.slice(0, 80))}`);
    const body = await readBody(request);
    send(response, 200, await within(options.handlerTimeoutMs, call, method.answer(body)));
  } catch (error) {
    options.log.warn({ error, plugin: options.name, call: call.slice(0, 80) }, "plugin call failed");
    const failure = { Err: messageOf(error) || `${call} failed` };
    const isIpam = call.startsWith(IPAM_DRIVER_INTERFACE);
    send(response, statusOf(error), isIpam ? { ...failure, Error: failure.Err } : failure);
  }
}

function statusOf(error: unknown): number {
  if (error instanceof Refusal) return error.status;
  return error instanceof RecordError ? 400 : 500;
}

function send(response: ServerResponse, status: number, answer: object): void {
  if (response.destroyed) return;
  // Before anything is sent: what cannot be said in JSON throws, and is told as a failure instead.
  const text = `${JSON.stringify(answer)}\n`;
  // A client that goes on sending what was refused is not waited for.
  response.writeHead(status, { "Content-Type": CONTENT_TYPE, Connection: "close" });
  response.end(text);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const cut = (): void => reject(new Refusal(400, "the request was cut off"));
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= BODY_LIMIT) chunks.push(chunk);
    else reject(new Refusal(413, `the request is larger than ${BODY_LIMIT} bytes`));
  });
  request.once("end", resolve).once("error", cut).once("close", cut);
  await promise;
  return Buffer.concat(chunks).toString("utf8");
}

async function within<T>(timeoutMs: number, call: string, answer: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = new EngineError("unavailable", `${call} was not answered within ${timeoutMs} ms`);
  const timer = setTimeout(() => reject(late), timeoutMs);
  try {
    return await Promise.race([answer, promise]);
  } finally {
    clearTimeout(timer);
  }
}
