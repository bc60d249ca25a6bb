/**
 * Which servers did not answer lately. A server that let a whole query pass unanswered is suspect for a while: others are
 * asked before it, and when nobody else is left, clients are not kept waiting as long for it. One answer clears it. Bounded.
 */
import { formatAddress } from "../../addr/ip-address.ts";
import type { Clock } from "../../base/clock.ts";
import type { DnsUpstream } from "../dns.ts";

const SUSPECT_MS = 10_000;
const MAX_REMEMBERED = 4096;

export class ServerHealth {
  readonly #clock: Pick<Clock, "now">;
  readonly #suspectUntil = new Map<string, number>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  suspect(upstream: DnsUpstream, sandboxId: string): boolean {
    const until = this.#suspectUntil.get(keyOf(upstream, sandboxId));
    return until !== undefined && until > this.#clock.now();
  }

  silent(upstream: DnsUpstream, sandboxId: string): void {
    const key = keyOf(upstream, sandboxId);
    this.#suspectUntil.delete(key);
    this.#suspectUntil.set(key, this.#clock.now() + SUSPECT_MS);
    const [oldest] = this.#suspectUntil.keys();
    if (this.#suspectUntil.size > MAX_REMEMBERED && oldest !== undefined) this.#suspectUntil.delete(oldest);
  }

  answered(upstream: DnsUpstream, sandboxId: string): void {
    if (this.#suspectUntil.size > 0) this.#suspectUntil.delete(keyOf(upstream, sandboxId));
  }
}

/** The same address is another server in another namespace. */
function keyOf(upstream: DnsUpstream, sandboxId: string): string {
  return `${upstream.from === "host" ? "" : sandboxId} ${formatAddress(upstream.address)} ${upstream.port}`;
}
