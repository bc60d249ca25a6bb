/**
 * The proxy from outside: `openPortProxy` gives one whose thread starts with the first socket to serve, and is started again
 * with all of them should it die.
 */
import { Worker } from "node:worker_threads";
import { formatAddress } from "../../addr/ip-address.ts";
import { EngineError, messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Order, ProxyReport, ProxyRequest } from "./protocol.ts";
import type { PortProxy, Served } from "./proxy.ts";

const ANSWER_MS = 10_000;
const CLOSE_MS = 2000;
const RESTART_MS = 500;

export function openPortProxy(log: Log): PortProxy {
  return new WorkerProxy(log);
}

class WorkerProxy implements PortProxy {
  readonly #log: Log;
  readonly #orders = new Map<number, Order>();
  readonly #unanswered = new Map<number, PromiseWithResolvers<void>>();
  #worker: Worker | undefined;
  #restart: NodeJS.Timeout | undefined;
  #sequence = 0;
  #closed = false;

  constructor(log: Log) {
    this.#log = log;
  }

  async serve(sockets: readonly Served[]): Promise<void> {
    if (sockets.length === 0) return;
    if (this.#closed) throw new EngineError("unavailable", "the port proxy is closed");
    const orders = sockets.map(orderOf);
    for (const order of orders) this.#orders.set(order.fd, order);
    try {
      await this.#serveBy(orders);
    } catch (cause) {
      await this.stop(orders.map(({ fd }) => fd));
      throw cause;
    }
  }

  /** A fresh thread is told everything, which includes these. */
  async #serveBy(orders: readonly Order[]): Promise<void> {
    const isFresh = this.#worker === undefined;
    this.#worker ??= this.#start();
    await this.#request({ kind: "serve", orders: isFresh ? [...this.#orders.values()] : orders });
  }

  async stop(fds: readonly number[]): Promise<void> {
    const known = fds.filter((fd) => this.#orders.delete(fd));
    if (known.length > 0 && this.#worker !== undefined) await this.#request({ kind: "stop", fds: known });
  }

  /** After two seconds the thread is ended, whatever it does. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.ref();
    const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    post(worker, { kind: "close" });
    const deadline = setTimeout(() => void worker.terminate(), CLOSE_MS);
    await ended;
    clearTimeout(deadline);
  }

  async #request(
    request: { kind: "serve"; orders: readonly Order[] } | { kind: "stop"; fds: readonly number[] },
  ): Promise<void> {
    const sequence = ++this.#sequence;
    const pending = Promise.withResolvers<void>();
    this.#unanswered.set(sequence, pending);
    if (this.#worker !== undefined) post(this.#worker, { ...request, sequence });
    const late = new EngineError("unavailable", `the port proxy did not answer within ${ANSWER_MS / 1000} s`);
    const deadline = setTimeout(() => pending.reject(late), ANSWER_MS);
    try {
      await pending.promise;
    } finally {
      clearTimeout(deadline);
      this.#unanswered.delete(sequence);
    }
  }

  #start(): Worker {
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), { name: "port-proxy", execArgv: [] });
    // A program may end while its proxy is idle; requests under way keep it alive by their deadlines.
    worker.unref();
    worker.on("message", (report: ProxyReport) => this.#received(report));
    worker.on("error", (cause) => this.#log.error({ error: messageOf(cause) }, "the port proxy failed"));
    worker.once("exit", () => this.#exited(worker));
    return worker;
  }

  #received(report: ProxyReport): void {
    if (report.kind === "complaint") return this.#log.warn({}, `port proxy: ${report.message}`);
    const pending = this.#unanswered.get(report.sequence);
    if (report.kind === "done") pending?.resolve();
    else pending?.reject(new EngineError("internal", `port proxy: ${report.reason}`));
  }

  /** What was asked of the dead counts as done: its successor is told all that is to be served. */
  #exited(worker: Worker): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    if (this.#closed) return;
    this.#log.error({ restartMs: RESTART_MS }, "the port proxy ended; starting another");
    this.#restart = setTimeout(() => {
      if (this.#worker !== undefined) return;
      this.#serveBy([]).then(
        () => this.#unanswered.forEach(({ resolve }) => resolve()),
        (cause: unknown) => this.#log.error({ error: messageOf(cause) }, "the port proxy could not take over"),
      );
    }, RESTART_MS);
  }
}

function orderOf({ fd, protocol, family, target }: Served): Order {
  if (target === undefined || protocol === "sctp") {
    throw new EngineError("internal", `port proxy: ${protocol} cannot be taken anywhere`);
  }
  const { address, port } = target;
  return { fd, protocol, family, address: formatAddress(address), port };
}

function post(worker: Worker, request: ProxyRequest): void {
  worker.postMessage(request);
}
