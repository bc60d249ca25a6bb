/**
 * Takes back what hosts left behind that did not return within the grace time, and what is of no use to anybody: addresses that
 * have rested, addresses of pools that are gone, pools whose network was never made. Any living host may do it; they take turns by rank,
 * so that usually one does. Each transaction holds only while the host concerned is still absent.
 */
import type { Log } from "../base/log.ts";
import type { AddressPools } from "./address-pools.ts";
import { formatPoolId } from "./address-pools.ts";
import { hostKey } from "./keys.ts";
import type { Kept, LocalCopy } from "./local-copy.ts";
import type { ClusterOptions } from "./options.ts";
import { isNetworks, type HostRecord, type PoolRecord } from "./records.ts";
import type { ClusterWriter } from "./writer.ts";

/** Records per transaction: a check and a write each. */
const AT_ONCE = 24;
/** How much longer than the one before it each host waits, as part of the grace time, up to as long again. */
const TURN = 0.25;
const MAX_TURNS = 4;

export interface ReapingParts {
  readonly copy: LocalCopy;
  readonly writer: ClusterWriter;
  readonly pools: AddressPools;
  readonly self: HostRecord;
  readonly options: ClusterOptions;
  readonly elapsedMs: () => number;
  readonly log: Log;
}

export class Reaper {
  readonly #parts: ReapingParts;
  /** Since when something is as it must not stay: `host/ID`, `pool/TOKEN`, `token/TOKEN`. */
  readonly #since = new Map<string, number>();

  constructor(parts: ReapingParts) {
    this.#parts = parts;
  }

  /** After an interruption nobody knows how long anything has been so. */
  beginAnew(): void {
    this.#since.clear();
  }

  /** Throws `unavailable`. */
  async run(): Promise<void> {
    const seen = new Set<string>();
    for (const host of this.#absentHosts()) if (this.#isDue(`host/${host}`, seen)) await this.#reapHost(host);
    for (const pool of this.#uselessPools()) if (this.#isDue(`pool/${pool.token}`, seen)) await this.#dropPool(pool);
    for (const token of this.#orphanTokens()) {
      if (this.#isDue(`token/${token}`, seen)) await this.#parts.pools.sweep(token);
    }
    for (const what of this.#since.keys()) if (!seen.has(what)) this.#since.delete(what);
    await this.#endRests();
  }

  #isDue(what: string, seen: Set<string>): boolean {
    seen.add(what);
    const { elapsedMs, options, copy, self } = this.#parts;
    const now = elapsedMs();
    const since = this.#since.get(what) ?? now;
    this.#since.set(what, since);
    const living = copy
      .hosts()
      .map(({ id }) => id)
      .sort();
    const rank = Math.min(MAX_TURNS, Math.max(0, living.indexOf(self.id)));
    return now - since >= options.graceMs * (1 + TURN * rank);
  }

  #absentHosts(): readonly string[] {
    const { copy, self } = this.#parts;
    return [...copy.owners()].filter((host) => host !== self.id && copy.host(host) === undefined);
  }

  async #reapHost(host: string): Promise<void> {
    const { copy, writer, log } = this.#parts;
    const found = [...copy.ownedBy(host)].map((key) => copy.get(key)).filter((kept) => kept !== undefined);
    const left = found.filter((kept) => !(kept.kind === "address" && isNetworks(kept.value)));
    let reaped = 0;
    for (let start = 0; start < left.length; start += AT_ONCE) {
      const batch = left.slice(start, start + AT_ONCE);
      const isDone = await writer.commit({
        checks: [{ key: hostKey(host), is: "absent" }, ...batch.map(({ key, version }) => ({ key, version }))],
        removes: batch.map(({ key }) => key),
      });
      // Another host does the same, or it is back: what changed is in the copy next time.
      if (!isDone) break;
      reaped += batch.length;
    }
    if (reaped > 0)
      log.warn({ host, records: reaped }, "a host did not return in time: its endpoints and addresses are free");
  }

  /** Taken for a network that was not made, by a process that can make it no more. */
  #uselessPools(): readonly PoolRecord[] {
    const { copy } = this.#parts;
    const bound = new Set(copy.networks().flatMap(({ pools }) => pools));
    return copy
      .pools()
      .filter(({ token, host, incarnation }) => !bound.has(token) && copy.host(host)?.incarnation !== incarnation);
  }

  async #dropPool(pool: PoolRecord): Promise<void> {
    this.#parts.log.warn({ pool: formatPoolId(pool) }, "an address pool without a network is free again");
    await this.#parts.pools.release(formatPoolId(pool));
  }

  #orphanTokens(): readonly string[] {
    const { copy } = this.#parts;
    const tokens = new Set(copy.pools().map(({ token }) => token));
    return copy.tokens().filter((token) => !tokens.has(token));
  }

  /** Who gave an address back also clears it away when it has rested. */
  async #endRests(): Promise<void> {
    const { copy, writer, self, options, elapsedMs } = this.#parts;
    const restedBefore = elapsedMs() - options.reuseDelayMs;
    const rested = [...copy.ownedBy(self.id)]
      .map((key) => copy.get(key))
      .filter((kept): kept is Kept => kept?.kind === "address" && kept.value.holder === undefined)
      .filter(({ seenMs }) => seenMs <= restedBefore);
    for (let start = 0; start < rested.length; start += AT_ONCE) {
      const batch = rested.slice(start, start + AT_ONCE);
      const isDone = await writer.commit({
        checks: batch.map(({ key, version }) => ({ key, version })),
        removes: batch.map(({ key }) => key),
      });
      if (!isDone) return;
    }
  }
}
