/** A cluster store that tells of each request how it ended, for metrics. */
import type { ClusterRecord, ClusterSession, ClusterStore, ClusterTransaction, Follower } from "./cluster-store.ts";

export type StoreOperation = "get" | "list" | "commit" | "follow" | "session";
/** "refused": a check of the transaction did not hold. */
export type StoreOutcome = "done" | "refused" | "failed";

/** Of a follower and a session only the opening is told: they keep themselves going. Disposing it disposes of the store. */
export class CountedStore implements ClusterStore {
  readonly #store: ClusterStore;
  readonly #tell: (operation: StoreOperation, outcome: StoreOutcome) => void;

  constructor(store: ClusterStore, tell: (operation: StoreOperation, outcome: StoreOutcome) => void) {
    this.#store = store;
    this.#tell = tell;
  }

  get address(): string {
    return this.#store.address;
  }

  get(key: string): Promise<ClusterRecord | undefined> {
    return this.#told("get", this.#store.get(key));
  }

  list(prefix: string): Promise<readonly ClusterRecord[]> {
    return this.#told("list", this.#store.list(prefix));
  }

  commit(transaction: ClusterTransaction): Promise<boolean> {
    return this.#told("commit", this.#store.commit(transaction), (written) => (written ? "done" : "refused"));
  }

  follow(prefix: string, follower: Follower): Promise<AsyncDisposable> {
    return this.#told("follow", this.#store.follow(prefix, follower));
  }

  openSession(ttlMs: number): Promise<ClusterSession> {
    return this.#told("session", this.#store.openSession(ttlMs));
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#store[Symbol.asyncDispose]();
  }

  async #told<T>(
    operation: StoreOperation,
    request: Promise<T>,
    outcomeOf: (answer: T) => StoreOutcome = () => "done",
  ): Promise<T> {
    try {
      const answer = await request;
      this.#tell(operation, outcomeOf(answer));
      return answer;
    } catch (cause) {
      this.#tell(operation, "failed");
      throw cause;
    }
  }
}
