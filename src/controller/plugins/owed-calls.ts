/**
 * Networks of which a plugin is still to be told, because it was away, a crash cut in, or another host of the cluster made or
 * removed them. Kept in the store, so that none is forgotten; `settle-calls.ts` makes the calls. One entry for each network at
 * most: what is owed last is what counts.
 */
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { NetworkIntent } from "../../drivers/intent.ts";
import { RecordError, RecordReader } from "../../store/record-reader.ts";
import type { Json, Store } from "../../store/store.ts";
import { decodeNetwork, encodeNetwork } from "../records.ts";

/**
 * "create": it was never told of the network. "renew": nobody knows whether it was; it is to forget the network, then to make it.
 * "delete": the network is gone here. "end": gone too, and its pools may not have been given back to the IPAM plugin.
 */
export type OwedKind = "create" | "renew" | "delete" | "end";

export interface OwedCall {
  readonly kind: OwedKind;
  readonly network: NetworkIntent;
}

const COLLECTION = "owed-plugin-calls";
const KINDS = ["create", "renew", "delete", "end"] as const;

/** Of plugins that never come back; the oldest are forgotten, as dockerd forgets all. */
const MAX_KEPT = 1024;

export class OwedCalls {
  readonly #store: Store;
  readonly #calls = new Map<string, OwedCall>();
  #listener: (() => void) | undefined;

  constructor(store: Store, log: Log) {
    this.#store = store;
    for (const { id, value } of store.list(COLLECTION)) {
      try {
        this.#calls.set(id, decode(id, value));
      } catch (cause) {
        if (!(cause instanceof RecordError)) throw cause;
        log.error({ id }, `stored record left out: ${messageOf(cause)}`);
      }
    }
  }

  all(): readonly OwedCall[] {
    return [...this.#calls.values()];
  }

  get(networkId: string): OwedCall | undefined {
    return this.#calls.get(networkId);
  }

  /** Kept before it is tried, so that a crash in between does not lose it. Nobody is woken. */
  note(call: OwedCall): void {
    const { id } = call.network;
    const oldest = this.#calls.size >= MAX_KEPT && !this.#calls.has(id) ? [...this.#calls.keys()].slice(0, 1) : [];
    this.#store.commit([
      ...oldest.map((old) => ({ remove: COLLECTION, id: old })),
      { put: COLLECTION, id, value: encode(call) },
    ]);
    for (const old of oldest) this.#calls.delete(old);
    this.#calls.set(id, call);
  }

  /** Now is a good time to try. */
  wake(): void {
    this.#listener?.();
  }

  onWake(listener: () => void): void {
    this.#listener = listener;
  }

  /** Unless something else is owed by now. Accepts absence. */
  settled(call: OwedCall): void {
    const { id } = call.network;
    if (this.#calls.get(id) !== call) return;
    this.#store.commit([{ remove: COLLECTION, id }]);
    this.#calls.delete(id);
  }
}

function encode({ kind, network }: OwedCall): Json {
  return { kind, network: encodeNetwork({ phase: "live", intent: network }) };
}

function decode(id: string, value: Json): OwedCall {
  const record = new RecordReader(value, `owed call ${id}`);
  const kind = record.field("kind").oneOf(KINDS);
  return { kind, network: decodeNetwork(id, record.field("network").json()).intent };
}
