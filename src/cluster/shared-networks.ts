/**
 * Networks that span hosts: name, record, VXLAN ids and the pools taken for them stand and fall together, in one transaction.
 * Removal is refused while any host has an endpoint there, and a host that makes one meanwhile wins: the record is first marked,
 * and whoever puts an endpoint on a marked network takes the mark out, upon which the removal does not go through.
 */
import { randomBytes } from "node:crypto";
import { formatPrefix } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";
import { shortId } from "../base/ids.ts";
import { sharedNetwork } from "./changes.ts";
import type { ClusterCheck, ClusterRecord } from "./cluster-store.ts";
import type { NewSharedNetwork, SharedNetwork } from "./cluster.ts";
import { endpointsKey, networkKey, networkNameKey, poolKey, vniKey } from "./keys.ts";
import type { LocalCopy } from "./local-copy.ts";
import {
  decodeEndpoint,
  decodeNetwork,
  encodeNetwork,
  type HostRecord,
  type NetworkRecord,
  type PoolRecord,
} from "./records.ts";
import { chooseVnis } from "./vni-choice.ts";
import type { Attempt, ClusterWriter } from "./writer.ts";

/** What fits into one transaction: per subnet a VXLAN id (check and put) and a pool's check. */
const MAX_SUBNETS = 16;

export class SharedNetworks {
  readonly #copy: LocalCopy;
  readonly #writer: ClusterWriter;
  readonly #self: HostRecord;
  readonly #now: () => number;

  constructor(parts: { copy: LocalCopy; writer: ClusterWriter; self: HostRecord; now: () => number }) {
    this.#copy = parts.copy;
    this.#writer = parts.writer;
    this.#self = parts.self;
    this.#now = parts.now;
  }

  async create(network: NewSharedNetwork): Promise<SharedNetwork> {
    if (network.subnets.length > MAX_SUBNETS) {
      throw new EngineError("invalid-argument", `a network that spans hosts has at most ${MAX_SUBNETS} subnets`);
    }
    const taken = new Set(this.#copy.networks().flatMap(({ subnets }) => subnets.map(({ vni }) => vni)));
    const created = await this.#writer.decide(`create network ${network.name}`, () => this.#tryCreate(network, taken));
    await this.#writer.seen(() => this.#copy.network(created.id) !== undefined);
    return sharedNetwork(created);
  }

  async #tryCreate(network: NewSharedNetwork, taken: Set<number>): Promise<Attempt<NetworkRecord>> {
    const vnis = chooseVnis(network, taken);
    const pools = this.#freshPools(network);
    const record: NetworkRecord = {
      ...network,
      subnets: network.subnets.map(({ subnet }, index) => ({ subnet, vni: vnis[index] ?? 0 })),
      host: this.#self.id,
      createdMs: this.#now(),
      pools: pools.map(({ token }) => token),
    };
    const keys = [networkKey(record.id), networkNameKey(record.name), ...vnis.map(vniKey)];
    const values = [encodeNetwork(record), ...keys.slice(1).map(() => record.id)];
    const isDone = await this.#writer.commit({
      checks: [
        ...keys.map((key): ClusterCheck => ({ key, is: "absent" })),
        ...pools.map(({ subnet }): ClusterCheck => ({ key: poolKey(subnet), is: "present" })),
      ],
      puts: keys.map((key, index) => ({ key, value: values[index] ?? "" })),
    });
    if (isDone) return { done: record };
    return this.#afterRefusal(network, record, taken);
  }

  /** Somebody has one of the keys: an earlier attempt of ours, a network of that name, or of one of the VXLAN ids. */
  async #afterRefusal(
    network: NewSharedNetwork,
    record: NetworkRecord,
    taken: Set<number>,
  ): Promise<Attempt<NetworkRecord>> {
    const mine = await this.#writer.get(networkKey(record.id));
    if (mine !== undefined) return { done: decodeNetwork(mine.key, mine.value) };
    const named = await this.#writer.get(networkNameKey(record.name));
    if (named !== undefined) {
      if (await this.#clearStale(named)) return "again";
      throw nameTaken(record.name);
    }
    for (const [index, { vni }] of record.subnets.entries()) {
      const holder = await this.#writer.get(vniKey(vni));
      if (holder === undefined || (await this.#clearStale(holder))) continue;
      if (network.subnets[index]?.vni !== undefined) throw vniTaken(vni, this.#copy.network(holder.value)?.name);
      taken.add(vni);
    }
    return "again";
  }

  /** A claim whose network somebody removed by hand is nobody's. False: it is somebody's. */
  async #clearStale(claim: ClusterRecord): Promise<boolean> {
    const key = networkKey(claim.value);
    if ((await this.#writer.get(key)) !== undefined) return false;
    const checks: readonly ClusterCheck[] = [
      { key: claim.key, version: claim.version },
      { key, is: "absent" },
    ];
    return this.#writer.commit({ checks, removes: [claim.key] });
  }

  /** Pools that this host has just taken for the network; one that is in use already belongs to another. */
  #freshPools({ subnets }: NewSharedNetwork): readonly PoolRecord[] {
    const bound = new Set(this.#copy.networks().flatMap(({ pools }) => pools));
    const { id, incarnation } = this.#self;
    return this.#copy
      .pools()
      .filter((pool) => pool.host === id && pool.incarnation === incarnation && !bound.has(pool.token))
      .filter((pool) => subnets.some(({ subnet }) => formatPrefix(subnet) === formatPrefix(pool.subnet)));
  }

  async remove(id: string): Promise<void> {
    await this.#writer.decide(`remove network ${shortId(id)}`, () => this.#tryRemove(id));
    await this.#writer.seen(() => this.#copy.network(id) === undefined);
  }

  async #tryRemove(id: string): Promise<Attempt<true>> {
    const key = networkKey(id);
    const found = await this.#writer.get(key);
    if (found === undefined) return { done: true };
    const network = this.#understood(id, found.value);
    const marked = encodeNetwork({ ...network, removing: randomBytes(6).toString("hex") });
    const isMarked = await this.#writer.commit({
      checks: [{ key, version: found.version }],
      puts: [{ key, value: marked }],
    });
    const fenced = isMarked ? await this.#writer.get(key) : undefined;
    if (fenced?.value !== marked) return "again";
    await this.#assertUnused(network);
    const isGone = await this.#writer.commit({
      checks: [{ key, version: fenced.version }],
      removes: [
        key,
        networkNameKey(network.name),
        ...network.subnets.map(({ vni }) => vniKey(vni)),
        ...this.#poolKeys(network),
      ],
    });
    return isGone ? { done: true } : "again";
  }

  /** What somebody spoilt is removed as it was last. */
  #understood(id: string, text: string): NetworkRecord {
    const kept = this.#copy.network(id);
    try {
      return decodeNetwork(networkKey(id), text);
    } catch (cause) {
      if (kept !== undefined) return kept;
      throw new EngineError("internal", `network ${id} is not understood: remove key ${networkKey(id)} by hand`, {
        cause,
      });
    }
  }

  async #assertUnused({ id, name }: NetworkRecord): Promise<void> {
    const records = await this.#writer.list(endpointsKey(id));
    if (records.length === 0) return;
    const list = records.map(({ key, value }) => {
      try {
        const endpoint = decodeEndpoint(key, value);
        const where = this.#copy.host(endpoint.host)?.name ?? endpoint.host;
        const [named, known, at] = [endpoint.name, shortId(endpoint.id), where].map((text) => JSON.stringify(text));
        return `name:${named} id:${known} host:${at}`;
      } catch {
        return `key:${JSON.stringify(key)}`;
      }
    });
    throw new EngineError("forbidden", `network ${name} has active endpoints (${list.join(", ")})`);
  }

  #poolKeys({ pools }: NetworkRecord): readonly string[] {
    return this.#copy
      .pools()
      .filter(({ token }) => pools.includes(token))
      .map(({ subnet }) => poolKey(subnet));
  }
}

function nameTaken(name: string): EngineError {
  return new EngineError("conflict", `network with name ${name} already exists`);
}

function vniTaken(vni: number, holder: string | undefined): EngineError {
  const who = holder === undefined ? "another network" : `network ${holder}`;
  return new EngineError("conflict", `VXLAN id ${vni} is in use by ${who}`);
}
