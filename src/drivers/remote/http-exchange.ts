/**
 * One HTTP exchange with a plugin, on a connection of its own. The plugin is not trusted: the whole exchange has a time limit,
 * however the bytes trickle, and the answer a size limit; whatever else it does is an error. No descriptor outlives the call.
 */
import { readFile } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { messageOf } from "../../base/errors.ts";
import type { PluginAddress, PluginTls } from "./discovery.ts";
import { CONTENT_TYPE, UNIX_HOST } from "./protocol/protocol.ts";

export interface Exchange {
  /** The path without its slash. */
  readonly method: string;
  /** Undefined: an empty body. */
  readonly body: string | undefined;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Ends the exchange early. */
  readonly signal: AbortSignal;
}

export interface Reply {
  readonly status: number;
  readonly body: string;
}

/** Nobody answered the connection; the plugin has not seen the call. */
export class NotConnected extends Error {
  override readonly name = "NotConnected";
}

/** It took longer than it may. */
export class TimedOut extends Error {
  override readonly name = "TimedOut";
}

/** Throws NotConnected, TimedOut, or Error saying what went wrong later. */
export async function exchange(address: PluginAddress, call: Exchange): Promise<Reply> {
  const timeout = AbortSignal.timeout(call.timeoutMs);
  const signal = AbortSignal.any([call.signal, timeout]);
  try {
    const tls = address.kind === "tcp" && address.tls !== undefined ? await tlsOptions(address.tls) : undefined;
    return await perform({ ...targetOf(address), ...tls, signal }, call);
  } catch (cause) {
    if (timeout.aborted) throw new TimedOut(`no answer within ${call.timeoutMs / 1000} s`, { cause });
    if (call.signal.aborted) throw new Error("the daemon is ending", { cause });
    throw cause;
  }
}

function targetOf(address: PluginAddress): RequestOptions {
  if (address.kind === "unix") return { socketPath: address.path, host: UNIX_HOST };
  const { host, port, tls } = address;
  return { host, port, protocol: tls === undefined ? "http:" : "https:" };
}

async function tlsOptions({ verify, caFile, certFile, keyFile }: PluginTls): Promise<object> {
  const read = async (path: string | undefined): Promise<Buffer | undefined> => {
    if (path === undefined) return undefined;
    return readFile(path).catch((cause: unknown) => {
      throw new NotConnected(`cannot read ${path}: ${messageOf(cause)}`, { cause });
    });
  };
  const [ca, cert, key] = await Promise.all([read(caFile), read(certFile), read(keyFile)]);
  return { rejectUnauthorized: verify, ca, cert, key };
}

function perform(
  options: RequestOptions & { readonly signal: AbortSignal },
  { method, body = "", maxBytes }: Exchange,
): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const headers = { Accept: CONTENT_TYPE, "Content-Length": Buffer.byteLength(body) };
  const start = options.protocol === "https:" ? httpsRequest : httpRequest;
  const request = start({ ...options, headers, method: "POST", path: `/${method}`, agent: false });
  const connected = options.protocol === "https:" ? "secureConnect" : "connect";
  let isConnected = false;
  request.on("socket", (socket) => socket.once(connected, () => (isConnected = true)));
  request.on("error", (cause) => {
    reject(isConnected ? cause : new NotConnected(messageOf(cause), { cause }));
  });
  // Node drops such a connection without a word when nobody listens, and a request that is gone hears of no time limit.
  request.on("upgrade", (_response, socket) => {
    socket.destroy();
    reject(new Error("the plugin changes the protocol instead of answering"));
  });
  const abort = (): void => reject(new Error("the exchange was ended"));
  options.signal.addEventListener("abort", abort, { once: true });
  request.on("response", (response) => {
    collect(response, maxBytes).then(
      (text) => resolve({ status: response.statusCode ?? 0, body: text }),
      (cause: unknown) => {
        request.destroy();
        reject(cause);
      },
    );
  });
  request.end(body);
  return promise.finally(() => {
    options.signal.removeEventListener("abort", abort);
    request.destroy();
  });
}

async function collect(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}
