/**
 * What of this host must be in the cluster's store: its endpoints and the addresses it holds, as the text of each record. The
 * store is compared with it, never rebuilt from it: what is missing or was altered is written anew, and what bears this host's
 * name without being in here (a removal that could not be told, a lease whose answer was lost) is taken back.
 */
import { formatAddress } from "../addr/ip-address.ts";
import type { OwnEndpoint } from "./cluster.ts";
import { isAddressKey } from "./keys.ts";
import type { Kept, LocalCopy } from "./local-copy.ts";
import { decodeAddress, encodeAddress, encodeEndpoint, isNetworks, tryDecode } from "./records.ts";
import type { Remembered } from "./remembered.ts";

/** How long a write that was answered may take to be seen in the copy before it counts as lost. */
const SETTLE_MS = 5_000;

export interface Differences {
  /** Not in the store, or not as it must be. */
  readonly wanted: readonly { readonly key: string; readonly text: string; readonly kept: Kept | undefined }[];
  /** In the store under our name, and not ours. */
  readonly stray: readonly Kept[];
  /** There is more that cannot be judged yet. */
  readonly isSettling: boolean;
}

export class OwnRecords {
  readonly #host: string;
  readonly #copy: LocalCopy;
  readonly #remembered: Remembered;
  readonly #elapsedMs: () => number;
  readonly #texts: Map<string, string>;
  /** Being changed right now, and by how many: no business of a comparison. */
  readonly #busy = new Map<string, number>();
  readonly #settling = new Map<string, number>();

  constructor(host: string, copy: LocalCopy, remembered: Remembered, elapsedMs: () => number) {
    this.#host = host;
    this.#copy = copy;
    this.#remembered = remembered;
    this.#elapsedMs = elapsedMs;
    this.#texts = new Map(remembered.loadOwn());
  }

  get(key: string): string | undefined {
    return this.#texts.get(key);
  }

  entries(): MapIterator<[string, string]> {
    return this.#texts.entries();
  }

  /** The record is in the store, or must come to be. */
  intend(key: string, text: string): void {
    this.#texts.set(key, text);
    this.#settle(key);
    this.#remembered.keepOwn(key, text);
  }

  /** The record must be in the store no more. */
  forget(key: string): void {
    if (!this.#texts.delete(key)) return;
    this.#settle(key);
    this.#remembered.keepOwn(key, undefined);
  }

  /**
   * At start: leases of endpoints that were never made, because the process ended in between. They are given back; those of the
   * network stay.
   */
  dropUnused(endpoints: readonly OwnEndpoint[]): void {
    const used = new Set(endpoints.flatMap(({ addresses }) => addresses.map(({ address }) => formatAddress(address))));
    for (const [key, text] of this.#texts) {
      if (!isAddressKey(key) || used.has(key.slice(key.lastIndexOf("/") + 1))) continue;
      const record = tryDecode(decodeAddress, key, text);
      if (record === undefined || !isNetworks(record)) this.forget(key);
    }
  }

  /** Runs `body`, which changes the keys; they are not compared meanwhile. */
  async changing<T>(keys: readonly string[], body: () => Promise<T>): Promise<T> {
    for (const key of keys) this.#busy.set(key, (this.#busy.get(key) ?? 0) + 1);
    try {
      return await body();
    } finally {
      for (const key of keys) {
        const others = (this.#busy.get(key) ?? 1) - 1;
        if (others === 0) this.#busy.delete(key);
        else this.#busy.set(key, others);
      }
    }
  }

  /** Called for each record that changed in the copy: what we did has come back. */
  saw(key: string, kept: Kept | undefined): void {
    const text = this.#texts.get(key);
    if (text === undefined ? kept === undefined : kept !== undefined && isAs(kept, text)) this.#settling.delete(key);
  }

  /** Called when everything in the copy is fresh from the store. */
  settleAll(): void {
    this.#settling.clear();
  }

  differences(): Differences {
    const wanted: Differences["wanted"][number][] = [];
    for (const [key, text] of this.#texts) {
      const kept = this.#copy.get(key);
      if (kept !== undefined && isAs(kept, text)) this.#settling.delete(key);
      else if (!this.#waits(key)) wanted.push({ key, text, kept });
    }
    const stray = [...this.#copy.ownedBy(this.#host)].flatMap((key) => {
      const kept = this.#texts.has(key) || this.#waits(key) ? undefined : this.#copy.get(key);
      return kept === undefined || isAtRest(kept) ? [] : [kept];
    });
    // Removals that have had their time: nothing else asks for them.
    for (const key of this.#settling.keys()) if (!this.#texts.has(key)) this.#waits(key);
    return { isSettling: this.#settling.size + this.#busy.size > 0, wanted, stray };
  }

  /** Followers may be told before whoever wrote gets his answer. */
  #settle(key: string): void {
    this.#settling.set(key, this.#elapsedMs() + SETTLE_MS);
    this.saw(key, this.#copy.get(key));
  }

  #waits(key: string): boolean {
    if (this.#busy.has(key)) return true;
    const untilMs = this.#settling.get(key);
    if (untilMs === undefined) return false;
    if (this.#elapsedMs() < untilMs) return true;
    this.#settling.delete(key);
    return false;
  }
}

/** An address that was given back. */
function isAtRest({ kind, value }: Kept): boolean {
  return kind === "address" && value.holder === undefined;
}

function isAs(kept: Kept, text: string): boolean {
  if (kept.spoilt) return false;
  if (kept.kind === "endpoint") return encodeEndpoint(kept.value) === text;
  return kept.kind === "address" && encodeAddress(kept.value) === text;
}
