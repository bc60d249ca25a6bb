/**
 * Connections that leave HTTP: attach and exec start with `Upgrade: tcp` (Docker API, "Hijacking"). Node hands them over with
 * their body unparsed, so that the body of exec start is read here, by its Content-Length. Any other upgrade is declined by
 * being answered as a plain request.
 */
import { STATUS_CODES, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { EngineError } from "../../base/errors.ts";
import { standardHeaders } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { negotiate, splitVersion } from "../api-version.ts";
import { Query } from "../query.ts";
import { BodyRefused, parseBody } from "../schema/body.ts";
import { decodeDocument } from "../schema/decoder.ts";
import { ExecStartBody } from "../schema/exec-bodies.ts";
import { failureOf } from "../status.ts";
import { openAttach } from "./open-attach.ts";
import { openExec, startDetached } from "./open-exec.ts";
import { closeGently } from "./relay.ts";
import type { StreamSession } from "./session.ts";

const ROUTE = /^\/(containers|exec)\/([^/?]+)\/(attach|start)(?:\?|$)/;

/** Longest body of an upgrade request, in bytes, and the longest time that it may take, in milliseconds. */
const BODY_LIMIT = 64 * 1024;
const BODY_TIMEOUT_MS = 10_000;

/** Whether a request that asks for an upgrade gets one. */
export function wantsStream(request: IncomingMessage): boolean {
  const match = ROUTE.exec(splitVersion(request.url ?? "").path);
  const route = match === null ? "" : `${match[1]} ${match[3]}`;
  return request.method === "POST" && (route === "containers attach" || route === "exec start");
}

/** Serves such a request on its socket; `head` is what came after the headers. Never rejects. */
export async function serveUpgrade(
  context: ApiContext,
  request: IncomingMessage,
  { socket, head }: { readonly socket: Duplex; readonly head: Buffer },
): Promise<void> {
  socket.on("error", () => socket.destroy());
  try {
    const body = await readBody(request, socket, head);
    const session = await openSession(context, request, body);
    if (session === undefined) {
      answer(context, socket, { status: "200 OK", body: "" });
      return;
    }
    socket.write(switching(context, session.contentType));
    await session.serve(socket);
  } catch (error) {
    const { status, message } = failureOf(error);
    if (status >= 500) context.log.error({ error, url: request.url }, "request failed");
    answer(context, socket, {
      status: `${status} ${STATUS_CODES[status] ?? "Error"}`,
      body: JSON.stringify({ message }),
    });
  }
}

/** Undefined when a detached exec was started: there is nothing to stream. */
async function openSession(
  context: ApiContext,
  request: IncomingMessage,
  body: Buffer,
): Promise<StreamSession | undefined> {
  const { version, path } = splitVersion(request.url ?? "");
  const minor = negotiate(version);
  const [, kind, encoded = ""] = ROUTE.exec(path) ?? [];
  const id = decodeReference(encoded);
  if (kind === "containers") return openAttach(context, { reference: id, query: new Query(path), minor });
  context.engine.execs.find(id);
  const start = decodeDocument(ExecStartBody, parseBody(body, request.headers["content-type"]) ?? {});
  const exec = { id, start, minor };
  if (start.Detach !== true) return openExec(context, exec);
  await startDetached(context, exec);
  return undefined;
}

function decodeReference(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new EngineError("invalid-argument", `invalid URL escape in ${JSON.stringify(encoded)}`);
  }
}

/** The body that the headers promise; what follows it is put back on the socket as the stream's first bytes. */
async function readBody(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<Buffer> {
  const chunked = request.headers["transfer-encoding"] !== undefined;
  const length = chunked ? 0 : Number(request.headers["content-length"] ?? "0");
  if (length > BODY_LIMIT) throw BodyRefused.tooLarge(BODY_LIMIT);
  let bytes = chunked ? withoutLastChunk(head) : head;
  if (bytes.length < length) bytes = await readAtLeast(socket, bytes, length);
  const rest = bytes.subarray(length);
  if (rest.length > 0) socket.unshift(rest);
  return bytes.subarray(0, length);
}

/** An empty chunked body, as some clients send with a stream that has no body. */
function withoutLastChunk(head: Buffer): Buffer {
  const last = "0\r\n\r\n";
  return head.subarray(0, last.length).toString("latin1") === last ? head.subarray(last.length) : head;
}

async function readAtLeast(socket: Duplex, start: Buffer, length: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  let bytes = start;
  const onData = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= length) resolve(bytes);
  };
  const broken = (): void => reject(new EngineError("invalid-argument", "invalid JSON: unexpected EOF"));
  const timer = setTimeout(() => reject(BodyRefused.tooSlow(BODY_TIMEOUT_MS)), BODY_TIMEOUT_MS);
  socket.on("data", onData).once("end", broken).once("close", broken);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.pause();
    socket.off("data", onData).off("end", broken).off("close", broken);
  }
}

function switching({ settings }: ApiContext, contentType: string): string {
  const fields = {
    "Content-Type": contentType,
    Connection: "Upgrade",
    Upgrade: "tcp",
    ...standardHeaders(settings),
  };
  return `HTTP/1.1 101 UPGRADED\r\n${headerLines(fields)}\r\n`;
}

/** A whole answer on a socket that stays HTTP, then the end of the connection. */
function answer({ settings }: ApiContext, socket: Duplex, { status, body }: { status: string; body: string }): void {
  const fields = {
    ...standardHeaders(settings),
    "Content-Type": "application/json",
    "Content-Length": String(Buffer.byteLength(body)),
    Connection: "close",
  };
  if (!socket.destroyed) socket.write(`HTTP/1.1 ${status}\r\n${headerLines(fields)}\r\n${body}`);
  closeGently(socket);
}

function headerLines(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
}
