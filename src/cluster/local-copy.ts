/**
 * This host's copy of what the cluster has in common: the last understood state of every record of which a copy is kept,
 * indexed for the questions asked of it. It is told of changes and never asks the store.
 */
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { ClusterRecord } from "./cluster-store.ts";
import { networkKey } from "./keys.ts";
import { decodeEntry, type ClusterEntry, type EndpointRecord } from "./records.ts";
import type { HostRecord, NetworkRecord, PoolRecord } from "./records.ts";

/** A record as understood last. */
export type Kept = ClusterEntry & {
  readonly key: string;
  /** Of the record as it is now, understood or not: what a transaction checks. */
  readonly version: string;
  /** When this host saw it become so, by its own clock that only runs forward. */
  readonly seenMs: number;
  /** The record as it is now is nonsense; this is what it was before. */
  readonly spoilt?: true;
};

export type KeptAddress = Kept & { readonly kind: "address" };

/** Told of each entry that came, changed or went. */
export type CopyListener = (key: string, before: Kept | undefined, after: Kept | undefined) => void;

interface Look {
  changed: boolean;
}

export class LocalCopy {
  readonly #log: Log;
  readonly #elapsedMs: () => number;
  readonly #entries = new Map<string, Kept>();
  readonly #endpoints = new Map<string, Map<string, EndpointRecord>>();
  readonly #addresses = new Map<string, Map<bigint, KeptAddress>>();
  /** By token, then key: a record that somebody copied has the token of another. */
  readonly #pools = new Map<string, Map<string, PoolRecord>>();
  readonly #networks = new Map<string, NetworkRecord>();
  readonly #hosts = new Map<string, HostRecord>();
  readonly #ownedBy = new Map<string, Set<string>>();
  /** Ids and tokens recur in thousands of records; each is kept once. */
  readonly #texts = new Map<string, string>();
  /** Records that were never understood: key to version, so that each is complained of once. */
  readonly #nonsense = new Map<string, string>();
  readonly #spoilt = new Set<string>();
  readonly #listeners: CopyListener[] = [];
  #waiting: (() => void)[] = [];
  /** Keys that are being asked for, and whether they changed since. */
  readonly #looks = new Map<string, Set<Look>>();

  constructor(log: Log, elapsedMs: () => number) {
    this.#log = log;
    this.#elapsedMs = elapsedMs;
  }

  listen(listener: CopyListener): void {
    this.#listeners.push(listener);
  }

  /** Called once, after the next change. */
  onceChanged(waiter: () => void): void {
    this.#waiting.push(waiter);
  }

  get(key: string): Kept | undefined {
    return this.#entries.get(key);
  }

  /** Of the record as it is now, understood or not; undefined: there is none. */
  versionOf(key: string): string | undefined {
    return this.#entries.get(key)?.version ?? this.#nonsense.get(key);
  }

  /** Understood once, and nonsense now. */
  spoilt(): readonly Kept[] {
    return [...this.#spoilt].map((key) => this.#entries.get(key)).filter((kept) => kept !== undefined);
  }

  host(id: string): HostRecord | undefined {
    return this.#hosts.get(id);
  }

  hosts(): readonly HostRecord[] {
    return [...this.#hosts.values()];
  }

  network(id: string): NetworkRecord | undefined {
    return this.#networks.get(id);
  }

  networks(): readonly NetworkRecord[] {
    return [...this.#networks.values()];
  }

  /** Of all hosts, living or not. */
  endpoints(networkId: string): readonly EndpointRecord[] {
    return [...(this.#endpoints.get(networkId)?.values() ?? [])];
  }

  pools(): readonly PoolRecord[] {
    return [...this.#pools.values()].flatMap((pools) => [...pools.values()]);
  }

  hasPool(token: string): boolean {
    return this.#pools.has(token);
  }

  /** By the number of the address: those held, and those that rest. */
  addresses(token: string): ReadonlyMap<bigint, KeptAddress> {
    return this.#addresses.get(token) ?? NO_ADDRESSES;
  }

  /** Tokens of which there are addresses. */
  tokens(): readonly string[] {
    return [...this.#addresses.keys()];
  }

  /** Hosts that have endpoints or addresses, living or not. */
  owners(): MapIterator<string> {
    return this.#ownedBy.keys();
  }

  /** Keys of the host's endpoints and addresses. */
  ownedBy(host: string): ReadonlySet<string> {
    return this.#ownedBy.get(host) ?? NO_KEYS;
  }

  /**
   * Takes up what `ask` finds at the key, unless the copy was told of a change meanwhile: the answer might be the older one then.
   */
  async learn(key: string, ask: () => Promise<ClusterRecord | undefined>): Promise<ClusterRecord | undefined> {
    const look: Look = { changed: false };
    const looks = this.#looks.get(key) ?? new Set();
    this.#looks.set(key, looks.add(look));
    try {
      const found = await ask();
      if (!look.changed && found !== undefined) this.put(found);
      if (!look.changed && found === undefined) this.remove(key);
      return found;
    } finally {
      looks.delete(look);
      if (looks.size === 0) this.#looks.delete(key);
    }
  }

  put(record: ClusterRecord): void {
    const { key, value, version } = record;
    const before = this.#entries.get(key);
    if (before?.version === version || this.#nonsense.get(key) === version) return;
    try {
      const entry = decodeEntry(key, value);
      if (entry === undefined) return;
      this.#nonsense.delete(key);
      this.#keep(key, before, { ...this.#shared(entry), key, version, seenMs: this.#elapsedMs() });
    } catch (cause) {
      this.#log.error({ key }, `cluster record not understood, what it said before stays: ${messageOf(cause)}`);
      if (before === undefined) this.#nonsense.set(key, version);
      else this.#keep(key, before, { ...before, version, spoilt: true });
    }
  }

  remove(key: string): void {
    this.#nonsense.delete(key);
    const before = this.#entries.get(key);
    if (before !== undefined) this.#keep(key, before, undefined);
  }

  /** Everything there is: what is not in here is gone. */
  replace(records: readonly ClusterRecord[]): void {
    const there = new Set(records.map(({ key }) => key));
    for (const key of [...this.#entries.keys(), ...this.#nonsense.keys()]) if (!there.has(key)) this.remove(key);
    for (const record of records) this.put(record);
  }

  #keep(key: string, before: Kept | undefined, after: Kept | undefined): void {
    if (before !== undefined) this.#unindex(before);
    if (after?.spoilt === true) this.#spoilt.add(key);
    else this.#spoilt.delete(key);
    if (after === undefined) this.#entries.delete(key);
    else {
      this.#entries.set(key, after);
      this.#index(after);
    }
    for (const look of this.#looks.get(key) ?? []) look.changed = true;
    for (const listener of this.#listeners) listener(key, before, after);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const waiter of waiting) waiter();
  }

  #index(entry: Kept): void {
    const { key, kind, value } = entry;
    switch (kind) {
      case "host":
        return void this.#hosts.set(value.id, value);
      case "network":
        return void this.#networks.set(value.id, value);
      case "pool":
        return void inner(this.#pools, value.token).set(key, value);
      case "endpoint":
        inner(this.#endpoints, value.networkId).set(key, value);
        break;
      case "address":
        inner(this.#addresses, value.token).set(value.address.value, entry);
    }
    const owned = this.#ownedBy.get(value.host) ?? new Set();
    this.#ownedBy.set(value.host, owned.add(key));
  }

  #unindex(entry: Kept): void {
    const { key, kind, value } = entry;
    switch (kind) {
      case "host":
        return void this.#hosts.delete(value.id);
      case "network":
        return void this.#networks.delete(value.id);
      case "pool":
        return removeInner(this.#pools, value.token, key);
      case "endpoint":
        removeInner(this.#endpoints, value.networkId, key);
        break;
      case "address":
        removeInner(this.#addresses, value.token, value.address.value);
    }
    const owned = this.#ownedBy.get(value.host);
    owned?.delete(key);
    if (owned?.size === 0) this.#ownedBy.delete(value.host);
  }

  #shared(entry: ClusterEntry): ClusterEntry {
    switch (entry.kind) {
      case "endpoint":
        return {
          kind: "endpoint",
          value: { ...entry.value, host: this.#text(entry.value.host), networkId: this.#text(entry.value.networkId) },
        };
      case "address":
        return {
          kind: "address",
          value: { ...entry.value, host: this.#text(entry.value.host), token: this.#text(entry.value.token) },
        };
      case "host":
      case "network":
      case "pool":
        return entry;
    }
  }

  #text(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= MAX_TEXTS) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  }
}

const NO_ADDRESSES: ReadonlyMap<bigint, KeptAddress> = new Map();
const NO_KEYS: ReadonlySet<string> = new Set();
/** Of hosts, networks and pools that are gone nothing shall pile up. */
const MAX_TEXTS = 10_000;

function inner<K, V>(outer: Map<string, Map<K, V>>, key: string): Map<K, V> {
  const found = outer.get(key) ?? new Map<K, V>();
  outer.set(key, found);
  return found;
}

function removeInner<K, V>(outer: Map<string, Map<K, V>>, outerKey: string, innerKey: K): void {
  const found = outer.get(outerKey);
  found?.delete(innerKey);
  if (found?.size === 0) outer.delete(outerKey);
}

/** The network's entry, for callers that need its version too. */
export function keptNetwork(copy: LocalCopy, id: string): (Kept & { kind: "network" }) | undefined {
  const kept = copy.get(networkKey(id));
  return kept?.kind === "network" ? kept : undefined;
}
