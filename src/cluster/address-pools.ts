/**
 * Subnets of the cluster: no two overlap, whoever asks at the same moment. Pools are therefore written in turn: each looks at all
 * there are, and its transaction holds only if nobody wrote another since.
 */
import { randomBytes } from "node:crypto";
import {
  formatPrefix,
  networkOf,
  prefixContains,
  prefixesOverlap,
  tryParsePrefix,
  type Prefix,
} from "../addr/prefix.ts";
import { chooseSubnet, type SplitPool } from "../addr/subnet-choice.ts";
import { EngineError } from "../base/errors.ts";
import type { ClusterAddresses } from "./cluster.ts";
import { addressesKey, POOLS, POOLS_TURN, poolKey, subnetOfPoolKey } from "./keys.ts";
import type { LocalCopy } from "./local-copy.ts";
import { decodePool, encodePool, tryDecode, type HostRecord, type PoolRecord } from "./records.ts";
import type { Attempt, ClusterWriter } from "./writer.ts";
import { present } from "../store/record-reader.ts";

export type PoolRequest = Parameters<ClusterAddresses["requestPool"]>[0];

const SPACE = "GlobalDefault";
/** Keys per transaction when a pool's addresses go. */
const AT_ONCE = 60;

export class AddressPools {
  readonly #copy: LocalCopy;
  readonly #writer: ClusterWriter;
  readonly #self: HostRecord;
  readonly #defaults: readonly SplitPool[];

  constructor(parts: { copy: LocalCopy; writer: ClusterWriter; self: HostRecord; defaults: readonly SplitPool[] }) {
    this.#copy = parts.copy;
    this.#writer = parts.writer;
    this.#self = parts.self;
    this.#defaults = parts.defaults;
  }

  /** Undefined: there is none of this id. Throws `invalid-argument` for what is no id. */
  find(id: string): PoolRecord | undefined {
    const kept = this.#copy.get(poolKey(parsePoolId(id)));
    return kept?.kind === "pool" && formatPoolId(kept.value) === id ? kept.value : undefined;
  }

  async request(request: PoolRequest): Promise<{ id: string; subnet: Prefix }> {
    const { range } = request;
    const token = randomBytes(4).toString("hex");
    const made = await this.#writer.decide("take an address pool", async (): Promise<Attempt<PoolRecord>> => {
      const turn = await this.#writer.get(POOLS_TURN);
      const records = await this.#writer.list(POOLS);
      const mine = records.find(({ key, value }) => tryDecode(decodePool, key, value)?.token === token);
      if (mine !== undefined) return { done: decodePool(mine.key, mine.value) };
      const taken = records.map(({ key }) => subnetOfPoolKey(key)).filter((subnet) => subnet !== undefined);
      const subnet = this.#subnetFor(request, taken);
      const { id: host, incarnation } = this.#self;
      const pool: PoolRecord = present({ subnet, range: rangeIn(subnet, range), token, host, incarnation });
      const key = poolKey(subnet);
      const isDone = await this.#writer.commit({
        checks: [
          turn === undefined ? { key: POOLS_TURN, is: "absent" } : { key: POOLS_TURN, version: turn.version },
          { key, is: "absent" },
        ],
        puts: [
          { key: POOLS_TURN, value: token },
          { key, value: encodePool(pool) },
        ],
      });
      return isDone ? { done: pool } : "again";
    });
    const id = formatPoolId(made);
    await this.#writer.seen(() => this.find(id) !== undefined);
    return { id, subnet: made.subnet };
  }

  async release(id: string): Promise<void> {
    const key = poolKey(parsePoolId(id));
    const pool = await this.#writer.decide(`release pool ${id}`, async (): Promise<Attempt<PoolRecord | undefined>> => {
      const found = await this.#writer.get(key);
      const record = found === undefined ? undefined : tryDecode(decodePool, found.key, found.value);
      if (found === undefined || (record !== undefined && formatPoolId(record) !== id)) return { done: undefined };
      const isGone = await this.#writer.commit({ checks: [{ key, version: found.version }], removes: [key] });
      return isGone ? { done: record } : "again";
    });
    await this.#writer.seen(() => this.find(id) === undefined);
    if (pool !== undefined) await this.sweep(pool.token);
  }

  /** Removes the addresses of a pool that is gone; they mean nothing any more. */
  async sweep(token: string): Promise<void> {
    const keys = (await this.#writer.list(addressesKey(token))).map(({ key }) => key);
    for (let start = 0; start < keys.length; start += AT_ONCE) {
      await this.#writer.commit({ removes: keys.slice(start, start + AT_ONCE) });
    }
  }

  #subnetFor({ family, subnet, reserved }: PoolRequest, taken: readonly Prefix[]): Prefix {
    if (subnet !== undefined && subnet.address.value !== 0n) {
      const wanted = networkOf(subnet);
      if (taken.some((other) => prefixesOverlap(other, wanted))) throw poolOverlaps();
      return wanted;
    }
    const pools = this.#defaults
      .filter(({ base }) => base.address.family === family)
      .filter(({ base }) => subnet === undefined || subnet.length === 0 || base.length <= subnet.length)
      .map(({ base, size }) => ({ base, size: subnet === undefined || subnet.length === 0 ? size : subnet.length }));
    if (pools.length === 0) throw new EngineError("invalid-argument", "invalid address pool");
    const chosen = chooseSubnet(pools, [...taken, ...reserved]);
    if (chosen === undefined) throw poolsUsedUp();
    return chosen;
  }
}

export function formatPoolId({ subnet, range }: Pick<PoolRecord, "subnet" | "range">): string {
  const part = range === undefined ? "" : `/${formatPrefix(range)}`;
  return `${SPACE}/${formatPrefix(subnet)}${part}`;
}

/** The pool's subnet. */
function parsePoolId(id: string): Prefix {
  const [space, address, length] = id.split("/");
  const subnet = tryParsePrefix(`${address}/${length}`);
  if (space !== SPACE || subnet === undefined) throw new EngineError("invalid-argument", `invalid pool id: ${id}`);
  return subnet;
}

/** Larger than the subnet it is the subnet, as Docker has it. */
function rangeIn(subnet: Prefix, range: Prefix | undefined): Prefix | undefined {
  if (range === undefined || range.length < subnet.length) return undefined;
  if (prefixContains(subnet, range.address)) return networkOf(range);
  throw new EngineError("invalid-argument", "invalid pool request: the ip-range lies outside the subnet");
}

function poolOverlaps(): EngineError {
  return new EngineError("forbidden", "invalid pool request: Pool overlaps with other one on this address space");
}

function poolsUsedUp(): EngineError {
  return new EngineError("invalid-argument", "all predefined address pools have been fully subnetted");
}
