/**
 * Hosts that are absent, and that this host has no right to call gone yet. When it was away itself, so perhaps were the others: of
 * those that the store forgot meanwhile, each comes back a moment sooner or later. Until a ttl has passed since this host's own
 * return they count as there, so that nothing between hosts is taken down that the wires carry all the time.
 */
import type { Kept, LocalCopy } from "./local-copy.ts";
import type { HostRecord } from "./records.ts";

export interface LingeringParts {
  readonly copy: LocalCopy;
  readonly ttlMs: number;
  readonly isAway: () => boolean;
  /** Endpoints of the network are no longer shown. */
  readonly onGone: (networkId: string) => void;
}

export class Lingering {
  readonly #parts: LingeringParts;
  readonly #hosts = new Map<string, HostRecord>();
  /** Runs from this host's return. */
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: LingeringParts) {
    this.#parts = parts;
    parts.copy.listen((_key, before, after) => this.#saw(before, after));
  }

  host(id: string): HostRecord | undefined {
    return this.#hosts.get(id);
  }

  /** This host went away, or came back. */
  noteStatus(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#parts.isAway() ? undefined : setTimeout(() => this.#end(), this.#parts.ttlMs).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #saw(before: Kept | undefined, after: Kept | undefined): void {
    if (after?.kind === "host") this.#hosts.delete(after.value.id);
    const isDoubtful = this.#parts.isAway() || this.#timer !== undefined;
    if (before?.kind === "host" && after === undefined && isDoubtful) this.#hosts.set(before.value.id, before.value);
  }

  #end(): void {
    this.#timer = undefined;
    const gone = [...this.#hosts.keys()];
    this.#hosts.clear();
    for (const id of gone) {
      for (const key of this.#parts.copy.ownedBy(id)) {
        const kept = this.#parts.copy.get(key);
        if (kept?.kind === "endpoint") this.#parts.onGone(kept.value.networkId);
      }
    }
  }
}
