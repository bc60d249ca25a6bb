/** A DNS service in memory, strict about order: what is not known cannot be served, nor removed twice unnoticed. */
import type { DnsChange, DnsEndpoint, DnsNetwork, DnsSandbox, DnsService, ResolverPorts } from "../../dns/dns.ts";

export class FakeDns implements DnsService {
  readonly networks = new Map<string, DnsNetwork>();
  readonly endpoints = new Map<string, DnsEndpoint>();
  readonly sandboxes = new Map<string, DnsSandbox>();
  /** Sandboxes that are served. */
  readonly served = new Set<string>();
  #failsNextServe = false;
  #lastPort = 0;

  failNextServe(): void {
    this.#failsNextServe = true;
  }

  async change(changes: readonly DnsChange[]): Promise<void> {
    for (const change of changes) {
      if ("remove" in change) this.#collection(change.remove).delete(change.id);
      else if (change.put === "network") this.networks.set(change.network.id, change.network);
      else if (change.put === "endpoint") this.endpoints.set(change.endpoint.id, change.endpoint);
      else this.sandboxes.set(change.sandbox.id, change.sandbox);
    }
    return Promise.resolve();
  }

  async serve(sandboxId: string, _namespace: string, preferred?: ResolverPorts): Promise<ResolverPorts> {
    if (this.#failsNextServe) {
      this.#failsNextServe = false;
      return Promise.reject(new Error("no more sockets"));
    }
    if (!this.sandboxes.has(sandboxId)) return Promise.reject(new Error(`sandbox ${sandboxId} is unknown`));
    if (this.served.has(sandboxId)) return Promise.reject(new Error(`sandbox ${sandboxId} is served already`));
    this.served.add(sandboxId);
    return Promise.resolve(preferred ?? { udpPort: 40_000 + ++this.#lastPort, tcpPort: 50_000 + this.#lastPort });
  }

  async stop(sandboxId: string): Promise<void> {
    this.served.delete(sandboxId);
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #collection(kind: "network" | "endpoint" | "sandbox"): Map<string, unknown> {
    if (kind === "network") return this.networks;
    return kind === "endpoint" ? this.endpoints : this.sandboxes;
  }
}
