/**
 * A cluster store in this process, for tests: one state that several clients share, each as a host of its own, with the
 * accidents of real ones at the test's command. It is strict (nothing is answered or delivered in the same turn, sessions of
 * clients that are cut off expire by themselves) and remembers nothing after the process.
 */
import type { ClusterCheck, ClusterRecord, ClusterTransaction } from "../cluster-store.ts";
import { MemoryClusterStore } from "./memory-cluster-store.ts";

interface Stored {
  readonly value: string;
  readonly version: string;
  readonly session?: string;
}

/** What a transaction did, as followers are told. */
export interface MemoryChange {
  readonly puts: readonly ClusterRecord[];
  readonly removes: readonly string[];
}

export class MemoryCluster {
  readonly address = "memory://cluster";
  readonly #records = new Map<string, Stored>();
  readonly #clients = new Set<MemoryClusterStore>();
  readonly #sessions = new Set<string>();
  #revision = 0;
  #sessionsMade = 0;
  #down: string | undefined;

  /** A host's client of its own. */
  client(): MemoryClusterStore {
    const client = new MemoryClusterStore(this);
    this.#clients.add(client);
    return client;
  }

  /** Why nobody reaches the store, if so. */
  get down(): string | undefined {
    return this.#down;
  }

  /** Requests of all clients so far: one per call, one per (re)start of a following, and none for keeping sessions alive. */
  get requests(): number {
    return this.#clients.values().reduce((sum, client) => sum + client.requests, 0);
  }

  /** Records there are. */
  get size(): number {
    return this.#records.size;
  }

  /** The whole store goes away. Its records and sessions stay, as on a disk. */
  stop(reason = "connection refused"): void {
    this.#down = reason;
    for (const client of this.#clients) client.noticeConnection();
  }

  start(): void {
    this.#down = undefined;
    for (const client of this.#clients) client.noticeConnection();
  }

  /** Somebody writes whatever they like with a tool of their own; undefined removes. */
  corrupt(key: string, value: string | undefined): void {
    this.commit(value === undefined ? { removes: [key] } : { puts: [{ key, value }] });
  }

  get(key: string): ClusterRecord | undefined {
    const stored = this.#records.get(key);
    return stored && { key, value: stored.value, version: stored.version };
  }

  list(prefix: string): readonly ClusterRecord[] {
    return [...this.#records]
      .filter(([key]) => key.startsWith(`${prefix}/`))
      .map(([key, { value, version }]) => ({ key, value, version }))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Of a transaction whose limits were checked. */
  commit({ checks = [], puts = [], removes = [] }: ClusterTransaction): boolean {
    if (!checks.every((check) => this.#holds(check))) return false;
    const version = String(++this.#revision);
    for (const { key, value, session } of puts) {
      this.#records.set(key, { value, version, ...(session && { session: session.id }) });
    }
    const gone = removes.filter((key) => this.#records.delete(key));
    this.#tell({ puts: puts.map(({ key, value }) => ({ key, value, version })), removes: gone });
    return true;
  }

  makeSession(): string {
    const id = `session-${++this.#sessionsMade}`;
    this.#sessions.add(id);
    return id;
  }

  hasSession(id: string): boolean {
    return this.#sessions.has(id);
  }

  /** The session ends, and its keys go in one change. Accepts absence. */
  endSession(id: string): void {
    if (!this.#sessions.delete(id)) return;
    const removes = [...this.#records].filter(([, stored]) => stored.session === id).map(([key]) => key);
    this.commit({ removes });
  }

  /** The client is no more. */
  forget(client: MemoryClusterStore): void {
    this.#clients.delete(client);
  }

  #holds(check: ClusterCheck): boolean {
    const stored = this.#records.get(check.key);
    if ("version" in check) return stored?.version === check.version;
    return (check.is === "present") === (stored !== undefined);
  }

  #tell(change: MemoryChange): void {
    if (change.puts.length + change.removes.length === 0) return;
    for (const client of this.#clients) client.deliver(change);
  }
}
