/**
 * This host's endpoints in the cluster. An endpoint's key is its name on the network, so that a name is taken by writing the
 * endpoint; the network's record is checked with it, so that none is written onto a network that is being removed.
 */
import { EngineError } from "../base/errors.ts";
import { KeyedMutex } from "../base/keyed-mutex.ts";
import { present } from "../store/record-reader.ts";
import type { ClusterCheck, ClusterPut, ClusterRecord } from "./cluster-store.ts";
import type { OwnEndpoint } from "./cluster.ts";
import { endpointKey, isEndpointKey, networkKey } from "./keys.ts";
import { keptNetwork, type LocalCopy } from "./local-copy.ts";
import type { OwnRecords } from "./own-records.ts";
import {
  decodeEndpoint,
  decodeNetwork,
  encodeEndpoint,
  encodeNetwork,
  tryDecode,
  type EndpointRecord,
} from "./records.ts";
import type { Attempt, ClusterWriter } from "./writer.ts";

interface Own {
  readonly key: string;
  readonly record: EndpointRecord;
}

/** What is known of the keys that a transaction touches. */
interface Known {
  readonly network: ClusterRecord | undefined;
  readonly endpoint: ClusterRecord | undefined;
}

export interface EndpointParts {
  readonly copy: LocalCopy;
  readonly writer: ClusterWriter;
  readonly own: OwnRecords;
  readonly self: string;
  /** Ours on the network are others than before. */
  readonly onChange: (networkId: string) => void;
}

export class OwnEndpoints {
  readonly #parts: EndpointParts;
  readonly #locks = new KeyedMutex();
  /** By id. */
  readonly #all = new Map<string, Own>();

  constructor(parts: EndpointParts) {
    this.#parts = parts;
    for (const [key, text] of parts.own.entries()) {
      const record = isEndpointKey(key) ? tryDecode(decodeEndpoint, key, text) : undefined;
      if (record !== undefined) this.#all.set(record.id, { key, record });
    }
  }

  get size(): number {
    return this.#all.size;
  }

  has(id: string): boolean {
    return this.#all.has(id);
  }

  on(networkId: string): readonly EndpointRecord[] {
    return [...this.#all.values()].map(({ record }) => record).filter((record) => record.networkId === networkId);
  }

  *[Symbol.iterator](): Iterator<EndpointRecord> {
    for (const { record } of this.#all.values()) yield record;
  }

  async put(endpoint: OwnEndpoint): Promise<void> {
    const record: EndpointRecord = { ...endpoint, host: this.#parts.self };
    const key = endpointKey(record.networkId, record.name);
    await this.#locks.run(record.id, async () => {
      const before = this.#all.get(record.id);
      const text = encodeEndpoint(record);
      if (before !== undefined && encodeEndpoint(before.record) === text) return;
      const old = before !== undefined && before.key !== key ? before.key : undefined;
      const keys = old === undefined ? [key] : [key, old];
      await this.#parts.own.changing(keys, async () => {
        await this.#write({ key, record }, old);
        if (old !== undefined) this.#parts.own.forget(old);
        this.#parts.own.intend(key, text);
      });
      this.#all.set(record.id, { key, record });
    });
    this.#parts.onChange(record.networkId);
  }

  async remove(networkId: string, id: string): Promise<void> {
    await this.#locks.run(id, async () => {
      const found = this.#all.get(id);
      if (found === undefined) return;
      this.#all.delete(id);
      this.#parts.onChange(networkId);
      await this.#parts.own.changing([found.key], async () => {
        this.#parts.own.forget(found.key);
        await this.#erase(found).catch((cause: unknown) => {
          // Nobody can hinder us from going: what is in the store under our name and not ours is taken back from there.
          if (!(cause instanceof EngineError && cause.code === "unavailable")) throw cause;
        });
      });
    });
  }

  /** Somebody else has what the endpoint had; it is ours no longer. */
  lose(id: string): void {
    const found = this.#all.get(id);
    if (found === undefined) return;
    this.#all.delete(id);
    this.#parts.own.forget(found.key);
    this.#parts.onChange(found.record.networkId);
  }

  /** First by what the copy says; where that is refused, or knows no such network, by what the store has. */
  async #write(own: Own, old: string | undefined): Promise<void> {
    let known = this.#known(own);
    await this.#parts.writer.decide(`write endpoint ${own.record.name}`, async (): Promise<Attempt<true>> => {
      known ??= await this.#look(own);
      const { network, endpoint } = known;
      known = undefined;
      if (network === undefined) throw new EngineError("not-found", `network ${own.record.networkId} not found`);
      this.#assertNameFree(own, endpoint);
      const free = this.#withoutMark(network);
      const isDone = await this.#parts.writer.commit({
        checks: [
          { key: network.key, version: network.version },
          endpoint === undefined ? { key: own.key, is: "absent" } : { key: own.key, version: endpoint.version },
        ],
        puts: [{ key: own.key, value: encodeEndpoint(own.record) }, ...free],
        removes: old === undefined ? [] : [old],
      });
      return isDone ? { done: true } : "again";
    });
  }

  #known({ key, record }: Own): Known | undefined {
    const network = this.#keptNetwork(record.networkId);
    return network && { network, endpoint: this.#keptRecord(key) };
  }

  async #look(own: Own): Promise<Known> {
    const { writer } = this.#parts;
    const keys = [networkKey(own.record.networkId), own.key] as const;
    const [network, endpoint] = await Promise.all([writer.get(keys[0]), writer.get(keys[1])]);
    return { network, endpoint };
  }

  /** Another endpoint has the name, unless what stands there is nonsense. */
  #assertNameFree({ key, record }: Own, found: ClusterRecord | undefined): void {
    if (found === undefined) return;
    const holder = tryDecode(decodeEndpoint, key, found.value);
    if (holder === undefined || holder.id === record.id) return;
    // One that left while the store was away, and could not be taken from there yet.
    if (holder.host === this.#parts.self && !this.#all.has(holder.id)) return;
    const { copy, self } = this.#parts;
    const name = copy.network(record.networkId)?.name ?? record.networkId;
    const where = holder.host === self ? "" : ` on host ${copy.host(holder.host)?.name ?? holder.host}`;
    throw new EngineError("forbidden", `endpoint with name ${record.name} already exists in network ${name}${where}`);
  }

  #withoutMark(network: ClusterRecord): readonly ClusterPut[] {
    try {
      const { removing, ...unmarked } = decodeNetwork(network.key, network.value);
      return removing === undefined ? [] : [{ key: network.key, value: encodeNetwork(unmarked) }];
    } catch {
      return [];
    }
  }

  async #erase({ key, record }: Own): Promise<void> {
    const { writer, self } = this.#parts;
    let found = this.#keptRecord(key) ?? (await writer.get(key));
    await writer.decide(`remove endpoint ${record.name}`, async (): Promise<Attempt<true>> => {
      const holder = found === undefined ? undefined : tryDecode(decodeEndpoint, key, found.value);
      if (found === undefined || (holder !== undefined && holder.host !== self)) return { done: true };
      const check: ClusterCheck = { key, version: found.version };
      if (await writer.commit({ checks: [check], removes: [key] })) return { done: true };
      found = await writer.get(key);
      return "again";
    });
  }

  #keptNetwork(id: string): ClusterRecord | undefined {
    const kept = keptNetwork(this.#parts.copy, id);
    return kept && { key: kept.key, value: encodeNetwork(kept.value), version: kept.version };
  }

  #keptRecord(key: string): ClusterRecord | undefined {
    const kept = this.#parts.copy.get(key);
    return kept?.kind === "endpoint"
      ? present({ key, value: encodeEndpoint(kept.value), version: kept.version })
      : undefined;
  }
}
