/** What bytes that are no HTTP request are answered with, when the connection can still carry an answer. */
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { closeGently } from "./stream/relay.ts";

const STATUS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Connections that were answered so: what else arrives on them is discarded. */
const answered = new WeakSet<Duplex>();

/** A listener for the `clientError` event of an http.Server. */
export function answerClientError(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (answered.has(socket)) return;
  answered.add(socket);
  socket.on("error", () => socket.destroy());
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const status = STATUS[error.code ?? ""] ?? 400;
  const line = `${status} ${STATUS_CODES[status] ?? ""}`;
  socket.write(`HTTP/1.1 ${line}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${line}`);
  closeGently(socket);
}
