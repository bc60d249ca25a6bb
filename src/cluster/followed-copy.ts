/**
 * What a follower was told so far, so that it is told of differences only, in one call each, and of nothing once it is
 * disposed. It keeps keys and versions, no values.
 */
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { ClusterRecord, Follower } from "./cluster-store.ts";

export class FollowedCopy {
  readonly #follower: Follower;
  readonly #log: Log;
  #versions = new Map<string, string>();
  #state: "new" | "following" | "lost" = "new";
  #stopped = false;

  constructor(follower: Follower, log: Log) {
    this.#follower = follower;
    this.#log = log;
  }

  /** Everything there is: told whole the first time and after a loss, which is over then, else as the difference. */
  take(records: readonly ClusterRecord[]): void {
    const before = this.#state;
    this.#state = "following";
    if (before === "following") return this.#difference(records);
    this.#versions = new Map(records.map(({ key, version }) => [key, version]));
    if (before === "lost") this.#tell((follower) => follower.connection("back"));
    this.#tell((follower) => follower.replace(records));
  }

  /** What was read of some keys; undefined is absence. */
  update(found: ReadonlyMap<string, ClusterRecord | undefined>): void {
    const puts: ClusterRecord[] = [];
    const removes: string[] = [];
    for (const [key, record] of found) {
      const known = this.#versions.get(key);
      if (record === undefined) {
        if (known !== undefined) removes.push(key);
        this.#versions.delete(key);
      } else if (record.version !== known) {
        puts.push(record);
        this.#versions.set(key, record.version);
      }
    }
    if (puts.length + removes.length > 0) this.#tell((follower) => follower.change(puts, removes));
  }

  lose(reason: string): void {
    if (this.#state === "lost") return;
    this.#state = "lost";
    this.#tell((follower) => follower.connection("lost", reason));
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#stopped = true;
  }

  #difference(records: readonly ClusterRecord[]): void {
    const found = new Map<string, ClusterRecord | undefined>(records.map((record) => [record.key, record]));
    for (const key of this.#versions.keys()) if (!found.has(key)) found.set(key, undefined);
    this.update(found);
  }

  #tell(what: (follower: Follower) => void): void {
    if (this.#stopped) return;
    try {
      what(this.#follower);
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, "a follower of the cluster store failed");
    }
  }
}
