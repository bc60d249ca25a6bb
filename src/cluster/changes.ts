/**
 * Gathers what changed in the local copy and tells listeners once per turn, never in the middle of a caller's own call. What a
 * host's coming and going means for the networks it has endpoints on is worked out here.
 */
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { ClusterChange, SharedNetwork } from "./cluster.ts";
import type { Kept, LocalCopy } from "./local-copy.ts";
import type { NetworkRecord } from "./records.ts";

export class Changes {
  readonly #copy: LocalCopy;
  readonly #log: Log;
  readonly #listeners = new Set<(change: ClusterChange) => void>();
  #networks = new Set<string>();
  #endpointsOf = new Set<string>();
  #hosts = false;
  #status = false;
  #scheduled = false;

  constructor(copy: LocalCopy, log: Log) {
    this.#copy = copy;
    this.#log = log;
    copy.listen((_key, before, after) => this.#note(before ?? after, after));
  }

  subscribe(listener: (change: ClusterChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Connected or away. */
  noteStatus(): void {
    this.#status = true;
    this.#schedule();
  }

  noteEndpointsOf(networkId: string): void {
    this.#endpointsOf.add(networkId);
    this.#schedule();
  }

  close(): void {
    this.#listeners.clear();
  }

  #note(entry: Kept | undefined, after: Kept | undefined): void {
    switch (entry?.kind) {
      case "network":
        this.#networks.add(entry.value.id);
        break;
      case "endpoint":
        this.#endpointsOf.add(entry.value.networkId);
        if (after?.kind === "endpoint") this.#endpointsOf.add(after.value.networkId);
        break;
      case "host":
        this.#hosts = true;
        for (const networkId of networksOf(this.#copy, entry.value.id)) this.#endpointsOf.add(networkId);
        break;
      case "pool":
      case "address":
      case undefined:
        return;
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#tell());
  }

  #tell(): void {
    this.#scheduled = false;
    const ids = [...this.#networks];
    const found = ids.map((id) => this.#copy.network(id));
    const change: ClusterChange = {
      networks: {
        put: found.filter((network) => network !== undefined).map(sharedNetwork),
        removed: ids.filter((_, index) => found[index] === undefined),
      },
      endpointsOf: this.#endpointsOf,
      hosts: this.#hosts,
      status: this.#status,
    };
    this.#networks = new Set();
    this.#endpointsOf = new Set();
    this.#hosts = false;
    this.#status = false;
    for (const listener of this.#listeners) this.#tellOne(listener, change);
  }

  #tellOne(listener: (change: ClusterChange) => void, change: ClusterChange): void {
    try {
      listener(change);
    } catch (cause) {
      this.#log.error({ err: cause }, `cluster change not taken up: ${messageOf(cause)}`);
    }
  }
}

function networksOf(copy: LocalCopy, hostId: string): Set<string> {
  const networks = new Set<string>();
  for (const key of copy.ownedBy(hostId)) {
    const kept = copy.get(key);
    if (kept?.kind === "endpoint") networks.add(kept.value.networkId);
  }
  return networks;
}

export function sharedNetwork({ id, name, subnets, body }: NetworkRecord): SharedNetwork {
  return { id, name, subnets, body };
}
