/**
 * The dns worker's thread: carries out what the main thread asks, and asks it for sockets inside sandboxes. Descriptors that
 * it opens itself end with it, however it ends; those it was given to serve on do not.
 */
import { parentPort, type MessagePort } from "node:worker_threads";
import { messageOf } from "../base/errors.ts";
import { systemClock } from "../base/clock.ts";
import type { SocketOrder, SocketSource } from "./forward/socket-exchange.ts";
import { LimitedLog } from "./limited-log.ts";
import { DnsServer } from "./server/dns-server.ts";
import { ADDRESS_FAMILY, errnoName, lastErrno, libc, SOCKET } from "./server/libc.ts";
import type { OpenResult, WorkerReport, WorkerRequest } from "./worker-protocol.ts";

/** Sockets of this thread's namespace, which is the daemon's, at once; those of a sandbox by way of the main thread. */
class WorkerSockets implements SocketSource {
  readonly #port: MessagePort;
  readonly #orders = new Map<number, PromiseWithResolvers<number>>();
  #lastOrder = 0;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  open(order: SocketOrder): number | Promise<number> {
    if (order.from === "host") return openHere(order);
    const pending = Promise.withResolvers<number>();
    this.#orders.set(++this.#lastOrder, pending);
    report(this.#port, { kind: "open", order: this.#lastOrder, wanted: order });
    return pending.promise;
  }

  opened(order: number, result: OpenResult): void {
    const pending = this.#orders.get(order);
    this.#orders.delete(order);
    if ("fd" in result) pending?.resolve(result.fd);
    else pending?.reject(new Error(result.error));
  }

  /** Resolves when no socket is under way any more: each that comes is somebody's to close. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#orders.values()].map(({ promise }) => promise));
  }
}

function openHere(order: SocketOrder): number {
  const family = order.family === 4 ? ADDRESS_FAMILY.INET : ADDRESS_FAMILY.INET6;
  const type = order.transport === "udp" ? SOCKET.DGRAM : SOCKET.STREAM;
  const fd = libc.socket(family, type | SOCKET.NONBLOCK | SOCKET.CLOEXEC, 0);
  if (fd < 0) throw new Error(`socket: ${errnoName(lastErrno())}`);
  return fd;
}

function report(port: MessagePort, message: WorkerReport): void {
  port.postMessage(message);
}

function run(port: MessagePort): void {
  const sockets = new WorkerSockets(port);
  const log = new LimitedLog((fields, message) => {
    report(port, { kind: "log", level: "warn", fields, message });
  }, systemClock);
  const server = new DnsServer({ sockets, log, clock: systemClock });
  port.on("message", (request: WorkerRequest) => {
    if (request.kind === "opened") sockets.opened(request.order, request.result);
    else if (request.kind === "close") void close(port, server, sockets);
    else answer(port, server, request);
  });
  // Also when something was thrown that nobody caught.
  process.on("exit", () => server.close());
}

async function close(port: MessagePort, server: DnsServer, sockets: WorkerSockets): Promise<void> {
  server.close();
  await sockets.settled();
  port.close();
}

type SequencedRequest = Exclude<WorkerRequest, { readonly kind: "opened" | "close" }>;

function answer(port: MessagePort, server: DnsServer, request: SequencedRequest): void {
  const { sequence } = request;
  try {
    if (request.kind === "change") server.change(request.changes);
    else if (request.kind === "serve") server.serve(request.served);
    else if (request.kind === "stop") server.stop(request.sandboxId);
    const counters = request.kind === "count" ? { counters: server.counters() } : {};
    report(port, { kind: "done", sequence, ...counters });
  } catch (cause) {
    report(port, { kind: "failed", sequence, reason: messageOf(cause) });
  }
}

if (parentPort !== null) run(parentPort);
