/**
 * The DNS service as the rest of the daemon holds it. The main thread keeps what was said (records, sandboxes) and what was
 * opened (sockets); the worker answers. Neither waits for the other while queries are answered.
 */
import { closeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { EngineError, messageOf } from "../base/errors.ts";
import { KeyedMutex } from "../base/keyed-mutex.ts";
import type { Log } from "../base/log.ts";
import type { NamespaceRef } from "../kernel/facts.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { present } from "../store/record-reader.ts";
import type { DnsChange, DnsEndpoint, DnsNetwork, DnsSandbox, DnsService, ResolverPorts } from "./dns.ts";
import type { SocketOrder } from "./forward/socket-exchange.ts";
import { zeroCounters, type DnsCounters } from "./server/counters.ts";
import { closeServedSockets, openServedSockets, type ServedSandbox } from "./served-sockets.ts";
import { WorkerLink, type Request } from "./worker-link.ts";
import type { OpenResult } from "./worker-protocol.ts";

export interface DnsServiceOptions {
  /** Opens the sockets inside sandboxes; stays the caller's. */
  readonly kernel: Pick<Kernel, "openSockets">;
  readonly log: Log;
  /** Starts a worker on `worker.ts`; for tests that want to hold it. */
  readonly spawn?: () => Worker;
}

/** A DNS service that also tells what it did. */
export interface OpenDnsService extends DnsService {
  /** Counted since the worker started. */
  counters(): Promise<DnsCounters>;
}

/** Starts the dns worker. The service is the caller's to dispose; that closes every socket that it opened. */
export async function openDnsService(options: DnsServiceOptions): Promise<OpenDnsService> {
  const service = new WorkerDnsService(options);
  try {
    await service.counters();
  } catch (cause) {
    await service[Symbol.asyncDispose]();
    throw EngineError.wrap(cause, "start DNS worker");
  }
  return service;
}

/** Beside this file, as source or compiled. */
export function spawnDnsWorker(): Worker {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new Worker(new URL(`./worker.${extension}`, import.meta.url), { name: "dns", execArgv: [] });
}

class WorkerDnsService implements OpenDnsService {
  readonly #kernel: Pick<Kernel, "openSockets">;
  readonly #networks = new Map<string, DnsNetwork>();
  readonly #endpoints = new Map<string, DnsEndpoint>();
  readonly #sandboxes = new Map<string, DnsSandbox>();
  readonly #served = new Map<string, ServedSandbox>();
  readonly #turns = new KeyedMutex();
  readonly #link: WorkerLink;

  constructor(options: DnsServiceOptions) {
    this.#kernel = options.kernel;
    this.#link = new WorkerLink({
      log: options.log,
      spawn: options.spawn ?? spawnDnsWorker,
      everything: () => this.#everything(),
      onOpen: ({ order, wanted }, reply) => {
        void this.#open(wanted, (result) => reply({ kind: "opened", order, result }));
      },
    });
  }

  async change(changes: readonly DnsChange[]): Promise<void> {
    for (const change of changes) this.#remember(change);
    await this.#link.request({ kind: "change", changes });
  }

  async serve(sandboxId: string, namespace: NamespaceRef, preferred?: ResolverPorts): Promise<ResolverPorts> {
    return this.#turns.run(sandboxId, async () => {
      const served = this.#served.get(sandboxId);
      if (served !== undefined && served.namespace === namespace) return served;
      if (!this.#sandboxes.has(sandboxId)) {
        throw new EngineError("not-found", `serve DNS: sandbox ${sandboxId} is not known`);
      }
      await this.#stop(sandboxId);
      return this.#serve(sandboxId, namespace, preferred);
    });
  }

  async stop(sandboxId: string): Promise<void> {
    await this.#turns.run(sandboxId, async () => this.#stop(sandboxId));
  }

  async counters(): Promise<DnsCounters> {
    return (await this.#link.request({ kind: "count" })) ?? zeroCounters();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link[Symbol.asyncDispose]();
    for (const served of this.#served.values()) closeServedSockets(served);
    this.#served.clear();
  }

  async #serve(sandboxId: string, namespace: NamespaceRef, preferred?: ResolverPorts): Promise<ServedSandbox> {
    const address = this.#sandboxes.get(sandboxId)?.address;
    const place = present({ sandboxId, namespace, address, preferred });
    const served = await openServedSockets(this.#kernel, place);
    this.#served.set(sandboxId, served);
    try {
      await this.#link.request({ kind: "serve", served });
    } catch (cause) {
      this.#served.delete(sandboxId);
      closeServedSockets(served);
      throw EngineError.wrap(cause, `serve DNS of sandbox ${sandboxId}`);
    }
    return served;
  }

  async #stop(sandboxId: string): Promise<void> {
    const served = this.#served.get(sandboxId);
    if (served === undefined) return;
    this.#served.delete(sandboxId);
    try {
      await this.#link.request({ kind: "stop", sandboxId });
    } finally {
      closeServedSockets(served);
    }
  }

  /** Opens a socket inside a sandbox for asking an upstream, and gives it away; if nobody takes it, closes it. */
  async #open(wanted: SocketOrder, give: (result: OpenResult) => void): Promise<void> {
    const result = await this.#openSocket(wanted);
    try {
      give(result);
    } catch {
      if ("fd" in result) closeSync(result.fd);
    }
  }

  async #openSocket(wanted: SocketOrder): Promise<OpenResult> {
    const served = this.#served.get(wanted.sandboxId);
    if (served === undefined) return { error: "the sandbox is not served" };
    try {
      const [socket] = await this.#kernel.openSockets(served.namespace, [
        { transport: wanted.transport, family: wanted.family },
      ]);
      return socket === undefined ? { error: "no socket was opened" } : { fd: socket.fd };
    } catch (cause) {
      return { error: messageOf(cause) };
    }
  }

  #remember(change: DnsChange): void {
    if ("put" in change) {
      if (change.put === "network") this.#networks.set(change.network.id, change.network);
      else if (change.put === "endpoint") this.#endpoints.set(change.endpoint.id, change.endpoint);
      else this.#sandboxes.set(change.sandbox.id, change.sandbox);
    } else if (change.remove === "network") this.#networks.delete(change.id);
    else if (change.remove === "endpoint") this.#endpoints.delete(change.id);
    else this.#sandboxes.delete(change.id);
  }

  #everything(): readonly Request[] {
    const changes: DnsChange[] = [
      ...this.#networks.values().map((network) => ({ put: "network", network }) as const),
      ...this.#endpoints.values().map((endpoint) => ({ put: "endpoint", endpoint }) as const),
      ...this.#sandboxes.values().map((sandbox) => ({ put: "sandbox", sandbox }) as const),
    ];
    return [
      { kind: "change", changes },
      ...this.#served.values().map((served) => ({ kind: "serve", served }) as const),
    ];
  }
}
