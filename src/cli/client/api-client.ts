/**
 * A client of Docker's HTTP API, as far as the commands need it. It speaks the daemon's API version or v1.51, whichever is
 * older. Errors of the daemon are ApiErrors, whose text is what docker prints: `Error response from daemon: ...`.
 */
import { request as httpRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from "node:http";
import type { Duplex, Readable } from "node:stream";
import { text as readText } from "node:stream/consumers";
import type { Json } from "../../store/store.ts";
import { CliFailure } from "../failure.ts";
import type { Endpoint } from "./endpoint.ts";
import { asObject, asText } from "./json-access.ts";
import { parseJson, type ApiJson } from "./json-text.ts";

const NEWEST = [1, 51] as const;
/** The newest API version that we speak. */
export const NEWEST_API = NEWEST.join(".");

export interface Call {
  /** A list is sent as one parameter per member; undefined, false and "" are not sent. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined | readonly string[]>>;
  /** JSON to send, or a stream to send as it is. */
  readonly body?: Json;
  readonly upload?: Readable;
}

export class ApiError extends CliFailure {
  /** The daemon's own message. */
  readonly reason: string;
  readonly status: number;

  constructor(reason: string, status: number) {
    super(`Error response from daemon: ${reason}`);
    this.reason = reason;
    this.status = status;
  }
}

/** A connection that both sides write to, after an upgrade. */
export interface Hijacked {
  readonly socket: Duplex;
  /** Read from the socket already. */
  readonly head: Uint8Array;
  readonly contentType: string;
}

export class ApiClient implements Disposable {
  readonly endpoint: Endpoint;
  readonly #open = new Set<ClientRequest>();
  #version: Promise<string> | undefined;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
  }

  /** Gives up what is still being asked or answered: the wait for a container that the user detached from. */
  [Symbol.dispose](): void {
    for (const request of this.#open) request.destroy();
  }

  /** The answer's JSON; null for an empty answer. */
  async json(method: string, path: string, call: Call = {}): Promise<ApiJson> {
    const response = await this.stream(method, path, call);
    const body = await readText(response);
    return body.trim() === "" ? null : parseJson(body);
  }

  /** The answer as a stream, once the daemon has said that all is well. */
  async stream(method: string, path: string, call: Call = {}): Promise<IncomingMessage> {
    const { message } = await this.#send(method, await this.#versioned(path, call), call);
    return accepted(message);
  }

  /** Turns the connection into a stream in both directions. */
  async hijack(path: string, call: Call = {}): Promise<Hijacked> {
    const headers = { Connection: "Upgrade", Upgrade: "tcp" };
    const { message, socket, head } = await this.#send("POST", await this.#versioned(path, call), call, headers);
    const contentType = message.headers["content-type"] ?? "";
    if (socket !== undefined) return { socket, head: head ?? new Uint8Array(), contentType };
    await accepted(message);
    return { socket: message.socket, head: new Uint8Array(), contentType };
  }

  /** `1.47`, negotiated once. */
  async version(): Promise<string> {
    this.#version ??= this.#negotiate();
    return this.#version;
  }

  async #negotiate(): Promise<string> {
    const { message } = await this.#send("HEAD", "/_ping", {});
    message.resume();
    const [major = 0, minor = 0] = String(message.headers["api-version"] ?? "1.24")
      .split(".")
      .map(Number);
    const older = major < NEWEST[0] || (major === NEWEST[0] && minor < NEWEST[1]);
    return older ? `${major}.${minor}` : NEWEST_API;
  }

  async #versioned(path: string, { query = {} }: Call): Promise<string> {
    const search = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) {
      const values = Array.isArray(value) ? value.map(String) : [value === true ? "1" : String(value)];
      if (value === undefined || value === false || value === "") continue;
      for (const text of values) search.append(key, text);
    }
    const text = search.toString();
    return `/v${await this.version()}${path}${text === "" ? "" : `?${text}`}`;
  }

  async #send(method: string, path: string, call: Call, headers: Record<string, string> = {}): Promise<Answer> {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const type =
      body === undefined ? (call.upload === undefined ? undefined : "application/x-tar") : "application/json";
    const all = { ...headers, ...(type === undefined ? {} : { "Content-Type": type }) };
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const request = httpRequest({ ...this.#target(), method, path, headers: all, agent: false });
    this.#open.add(request);
    request.once("close", () => this.#open.delete(request));
    request.on("response", (message) => resolve({ message }));
    request.on("upgrade", (message, socket, head) => resolve({ message, socket, head }));
    request.on("error", (cause) => reject(unreachable(this.endpoint, cause)));
    if (call.upload !== undefined) call.upload.on("error", (cause) => request.destroy(cause)).pipe(request);
    else if (body === undefined) request.end();
    else request.end(body);
    return promise;
  }

  #target(): RequestOptions {
    if (this.endpoint.kind === "tcp") return { host: this.endpoint.host, port: this.endpoint.port };
    return { socketPath: this.endpoint.socketPath, host: "localhost" };
  }
}

interface Answer {
  readonly message: IncomingMessage;
  readonly socket?: Duplex;
  readonly head?: Uint8Array;
}

async function accepted(message: IncomingMessage): Promise<IncomingMessage> {
  const status = message.statusCode ?? 0;
  if (status < 400) return message;
  throw new ApiError(errorText(await readText(message), status), status);
}

function errorText(body: string, status: number): string {
  try {
    const message = asText(asObject(parseJson(body))["message"]);
    if (message !== "") return message.trim();
  } catch {
    // not JSON: the text itself is the message
  }
  return body.trim() || `the daemon answered with status ${status}`;
}

function unreachable(endpoint: Endpoint, cause: Error & { code?: string }): CliFailure {
  if (cause.code === "EACCES") {
    return new CliFailure(
      `permission denied while trying to connect to the daemon's socket at ${endpoint.text}; ` +
        "run the command as root, or join the socket's group",
    );
  }
  if (cause.code === "ENOENT" || cause.code === "ECONNREFUSED" || cause.code === "ENOTSOCK") {
    return new CliFailure(`Cannot connect to the Causeway daemon at ${endpoint.text}. Is causewayd running?`);
  }
  return new CliFailure(`error during connect to ${endpoint.text}: ${cause.message}`, 1, { cause });
}
