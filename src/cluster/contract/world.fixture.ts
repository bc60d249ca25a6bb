/**
 * The world in which a cluster store is tested: clients of one store, each as if on a host of its own, and the power to stop
 * the store, to start it again and to pull a client's cable. One world serves all tests of the suite; each test has a part
 * of the keys for itself.
 */
import assert from "node:assert/strict";
import { EngineError } from "../../base/errors.ts";
import { CALL_TIMEOUT_MS, type ClusterRecord, type ClusterStore, type Follower } from "../cluster-store.ts";

export interface ClusterWorld extends AsyncDisposable {
  /** A client as another host has one. Whoever opens it disposes its store. */
  open(): Promise<WorldClient>;
  /** The store goes away, keeping what it has. */
  stop(): Promise<void>;
  /** It is there again, at the same address; resolves once it serves. */
  start(): Promise<void>;
}

export interface WorldClient {
  readonly store: ClusterStore;
  /** As a pulled cable does: from now on nothing arrives on either side, and nobody is told. */
  cut(): void;
  heal(): void;
}

export class ContractSuite {
  #world: ClusterWorld | undefined;
  #tests = 0;

  get world(): ClusterWorld {
    assert.ok(this.#world, "the world was opened");
    return this.#world;
  }

  set world(world: ClusterWorld) {
    this.#world = world;
  }

  /** A test over `count` clients and a prefix that no other test uses. */
  clients(count: number, body: (prefix: string, ...clients: readonly WorldClient[]) => Promise<void>) {
    return async (): Promise<void> => {
      const prefix = `contract/test-${++this.#tests}`;
      await using stack = new AsyncDisposableStack();
      const clients: WorldClient[] = [];
      for (let index = 0; index < count; index++) {
        const client = await this.world.open();
        stack.use(client.store);
        clients.push(client);
      }
      await body(prefix, ...clients);
    };
  }

  /** The same for tests that leave the cables alone. */
  stores(count: number, body: (prefix: string, ...stores: readonly ClusterStore[]) => Promise<void>) {
    return this.clients(count, (prefix, ...clients) => body(prefix, ...clients.map(({ store }) => store)));
  }
}

/** A local copy, and all that was said. */
export class RecordingFollower implements Follower {
  readonly copy = new Map<string, ClusterRecord>();
  /** "replace", "change", "lost", "back". */
  readonly told: string[] = [];
  /** Every value that a key was told to have, in order. */
  readonly seen = new Map<string, string[]>();
  /** Reasons for being lost. */
  readonly reasons: (string | undefined)[] = [];

  replace(records: readonly ClusterRecord[]): void {
    this.told.push("replace");
    this.copy.clear();
    for (const record of records) this.#put(record);
  }

  change(puts: readonly ClusterRecord[], removes: readonly string[]): void {
    this.told.push("change");
    for (const key of removes) this.copy.delete(key);
    for (const record of puts) this.#put(record);
  }

  connection(state: "lost" | "back", reason?: string): void {
    this.told.push(state);
    if (state === "lost") this.reasons.push(reason);
  }

  /** Whether it was told that the store is back after it was lost. */
  isBack(): boolean {
    return this.told.lastIndexOf("back") > this.told.lastIndexOf("lost");
  }

  /** The copy as `list` would give it. */
  records(): readonly ClusterRecord[] {
    return [...this.copy.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  #put(record: ClusterRecord): void {
    this.copy.set(record.key, record);
    this.seen.set(record.key, [...(this.seen.get(record.key) ?? []), record.value]);
  }
}

/** A call may end a little after its time on a busy machine. */
const SLACK_MS = 5_000;

/** Settles as the call does, or fails when it has not within the time that every call has. */
export async function inTime<T>(what: string, call: PromiseLike<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = new Error(`${what} had not ended long after ${CALL_TIMEOUT_MS} ms`);
  const timer = setTimeout(reject, CALL_TIMEOUT_MS + SLACK_MS, late);
  try {
    return await Promise.race([call, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The call fails in time, in the words that every store has for it. */
export async function failsUnavailable(store: ClusterStore, what: string, call: Promise<unknown>): Promise<void> {
  const opening = `cluster store ${store.address}: `;
  await assert.rejects(
    inTime(what, call),
    (error) => error instanceof EngineError && error.code === "unavailable" && error.message.startsWith(opening),
    what,
  );
}

export async function failsInvalid(call: Promise<unknown>, what?: string): Promise<void> {
  await assert.rejects(call, (error) => error instanceof EngineError && error.code === "invalid-argument", what);
}

/** One call of every kind, none of which can succeed; `prefix` is free. */
export async function everyCallFails(store: ClusterStore, prefix: string): Promise<void> {
  await Promise.all([
    failsUnavailable(store, "get", store.get(`${prefix}/a`)),
    failsUnavailable(store, "list", store.list(prefix)),
    failsUnavailable(store, "commit", store.commit({ puts: [{ key: `${prefix}/a`, value: "1" }] })),
    failsUnavailable(store, "follow", store.follow(prefix, new RecordingFollower())),
    failsUnavailable(store, "openSession", store.openSession(10_000)),
  ]);
}
