/**
 * The proxy's thread: serves sockets that the main thread holds. It works on duplicates of their descriptors, so that it may
 * die without a port being lost, and its successor goes on with the same sockets.
 */
import { parentPort, type MessagePort } from "node:worker_threads";
import { messageOf } from "../../base/errors.ts";
import { close, duplicate } from "../../kernel/system/libc.ts";
import type { Order, ProxyReport, ProxyRequest } from "./protocol.ts";
import { Budget, type Relay } from "./relay.ts";
import { TcpRelay } from "./tcp-relay.ts";
import { UdpRelay } from "./udp-relay.ts";

/** Each is two descriptors. */
const MAX_CONNECTIONS = 4096;
/** Each is one descriptor. */
const MAX_SESSIONS = 4096;
const COMPLAINT_INTERVAL_MS = 60_000;

function run(port: MessagePort): void {
  const report = (message: ProxyReport): void => port.postMessage(message);
  const relays = new Map<number, Relay>();
  const budgets = {
    tcp: new Budget(MAX_CONNECTIONS, complainer(report, `${MAX_CONNECTIONS} connections: more are refused`)),
    udp: new Budget(MAX_SESSIONS, complainer(report, `${MAX_SESSIONS} datagram sessions: the oldest end`)),
  };
  const stop = (fd: number): void => {
    relays.get(fd)?.close();
    relays.delete(fd);
  };
  port.on("message", (request: ProxyRequest) => {
    if (request.kind === "close") {
      for (const fd of relays.keys()) stop(fd);
      port.close();
    } else if (request.kind === "stop") {
      for (const fd of request.fds) stop(fd);
      report({ kind: "done", sequence: request.sequence });
    } else {
      void serve(request.orders, budgets, relays).then(
        () => report({ kind: "done", sequence: request.sequence }),
        (cause: unknown) => report({ kind: "failed", sequence: request.sequence, reason: messageOf(cause) }),
      );
    }
  });
}

type Budgets = Readonly<Record<Order["protocol"], Budget>>;

/** Says it once in a while, however often it happens. */
function complainer(report: (message: ProxyReport) => void, message: string): () => void {
  let lastMs = -Infinity;
  return () => {
    if (performance.now() - lastMs < COMPLAINT_INTERVAL_MS) return;
    lastMs = performance.now();
    report({ kind: "complaint", message });
  };
}

/** All of them are served, or the caller stops those that are. */
async function serve(orders: readonly Order[], budgets: Budgets, relays: Map<number, Relay>): Promise<void> {
  await Promise.all(
    orders.map(async (order) => {
      const fd = duplicate(order.fd);
      if (order.protocol === "udp") {
        relays.set(order.fd, openUdp(fd, order, budgets.udp));
      } else {
        const relay = new TcpRelay(fd, order, budgets.tcp);
        relays.set(order.fd, relay);
        await relay.ready();
      }
    }),
  );
}

function openUdp(fd: number, order: Order, budget: Budget): UdpRelay {
  try {
    return new UdpRelay(fd, order, budget);
  } catch (cause) {
    close(fd);
    throw cause;
  }
}

if (parentPort !== null) run(parentPort);
