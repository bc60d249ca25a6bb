/** One follower of a `MemoryCluster`, told of everything in order, in a later turn than the change. */
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { ClusterRecord, Follower } from "../cluster-store.ts";
import type { MemoryChange } from "./memory-cluster.ts";

export class MemoryFollowing {
  readonly prefix: string;
  lost = false;
  readonly #follower: Follower;
  readonly #log: Log;
  readonly #queue: (() => void)[] = [];
  #stopped = false;

  constructor(prefix: string, follower: Follower, log: Log) {
    this.prefix = prefix;
    this.#follower = follower;
    this.#log = log;
  }

  async replace(records: readonly ClusterRecord[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#enqueue(() => this.#follower.replace(records));
    this.#queue.push(resolve);
    setImmediate(() => this.#tellNext());
    return promise;
  }

  change({ puts, removes }: MemoryChange): void {
    if (this.lost) return;
    const below = (key: string): boolean => key.startsWith(`${this.prefix}/`);
    const ownPuts = puts.filter(({ key }) => below(key));
    const ownRemoves = removes.filter((key) => below(key));
    if (ownPuts.length + ownRemoves.length > 0) this.#enqueue(() => this.#follower.change(ownPuts, ownRemoves));
  }

  lose(reason: string): void {
    if (this.lost) return;
    this.lost = true;
    this.#enqueue(() => this.#follower.connection("lost", reason));
  }

  regain(records: readonly ClusterRecord[]): void {
    this.lost = false;
    this.#enqueue(() => this.#follower.connection("back"));
    this.#enqueue(() => this.#follower.replace(records));
  }

  stop(): void {
    this.#stopped = true;
  }

  #enqueue(tell: () => void): void {
    this.#queue.push(() => {
      if (!this.#stopped) tell();
    });
    setImmediate(() => this.#tellNext());
  }

  #tellNext(): void {
    const tell = this.#queue.shift();
    try {
      tell?.();
    } catch (error) {
      this.#log.error({ prefix: this.prefix, error: messageOf(error) }, "a follower of the cluster store failed");
    }
  }
}
