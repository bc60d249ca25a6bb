/**
 * Addresses of the cluster's pools, each taken by one transaction that holds only if nobody has it: what no host can see to be
 * free is never given out. The choice is made from the local copy, so that in the common case a lease costs one request.
 */
import { sameAddress, type IpAddress } from "../addr/ip-address.ts";
import { lastAddress, prefixContains, type Prefix } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";
import { chooseAddress, lowestFree, type AddressChoice } from "./address-choice.ts";
import { formatPoolId } from "./address-pools.ts";
import type { ClusterCheck } from "./cluster-store.ts";
import { addressKey, poolKey } from "./keys.ts";
import type { KeptAddress, LocalCopy } from "./local-copy.ts";
import type { OwnRecords } from "./own-records.ts";
import { decodeAddress, encodeAddress, isNetworks, tryDecode, type AddressRecord, type PoolRecord } from "./records.ts";
import type { Attempt, ClusterWriter } from "./writer.ts";

/** Lost answers that are remembered; those of holders that never ask again are taken back all the same. */
const MAX_DOUBTS = 1_000;

export interface LeaseParts {
  readonly copy: LocalCopy;
  readonly writer: ClusterWriter;
  readonly own: OwnRecords;
  readonly self: string;
  readonly reuseDelayMs: number;
  readonly elapsedMs: () => number;
}

export interface LeaseRequest {
  readonly address?: IpAddress;
  readonly holder: string;
  readonly again?: boolean;
}

export class AddressLeases {
  readonly #parts: LeaseParts;
  /** Keys that are being taken, or were found taken before the copy knows: not to be chosen. */
  readonly #avoided = new Set<string>();
  /** By token: the last address chosen. */
  readonly #last = new Map<string, bigint>();
  /** By token and holder: leases whose answer was lost, to be looked at first when the holder asks again. */
  readonly #doubtful = new Map<string, bigint>();

  constructor(parts: LeaseParts) {
    this.#parts = parts;
    parts.copy.listen((key, before, after) => {
      this.#avoided.delete(key);
      if (before?.kind === "pool" && after === undefined) this.#last.delete(before.value.token);
    });
  }

  async request(pool: PoolRecord, request: LeaseRequest): Promise<IpAddress | undefined> {
    const { address, holder } = request;
    if (address !== undefined && !prefixContains(pool.subnet, address)) throw outOfRange();
    const held = this.#heldAlready(pool, request);
    if (held !== undefined) return held;
    this.#parts.writer.assertConnected();
    if (address !== undefined && isUnusable(pool.subnet, address.value)) throw inUse();
    return this.#parts.writer.decide<IpAddress | undefined>(`lease an address of ${formatPoolId(pool)}`, async () => {
      const doubtful = this.#doubtful.get(`${pool.token}/${holder}`);
      const value = address?.value ?? doubtful ?? this.#choose(pool, holder);
      if (value === undefined) return { done: undefined };
      return this.#claim(pool, { family: pool.subnet.address.family, value }, request);
    });
  }

  /** What this host is known to hold costs no request. */
  #heldAlready(pool: PoolRecord, { address, holder, again }: LeaseRequest): IpAddress | undefined {
    const { own, self, copy } = this.#parts;
    if (address === undefined) {
      if (holder !== "gateway") return undefined;
      const gateways = copy.addresses(pool.token).values();
      return gateways.find(({ value }) => value.holder === "gateway" && value.host === self)?.value.address;
    }
    const text = own.get(addressKey(pool.token, address));
    if (text === encodeAddress({ host: self, holder })) return address;
    if (again !== true) return undefined;
    const kept = copy.addresses(pool.token).get(address.value)?.value;
    const isKnown = kept !== undefined && isNetworks(kept) && kept.holder === holder;
    return text !== undefined || isKnown ? address : undefined;
  }

  async #claim(pool: PoolRecord, address: IpAddress, request: LeaseRequest): Promise<Attempt<IpAddress>> {
    const { own, writer, self } = this.#parts;
    const { holder } = request;
    const key = addressKey(pool.token, address);
    const doubt = `${pool.token}/${holder}`;
    const text = encodeAddress({ host: self, holder });
    return own.changing([key], async () => {
      let isOurs = false;
      this.#avoided.add(key);
      this.#doubt(doubt, address.value);
      try {
        const isDone = await writer.commit({
          checks: [{ key: poolKey(pool.subnet), is: "present" }, this.#freeCheck(pool, key, address)],
          puts: [{ key, value: text }],
        });
        isOurs = isDone || (await this.#isOurs(pool, key, request));
        this.#doubtful.delete(doubt);
      } finally {
        if (!isOurs) this.#avoided.delete(key);
      }
      if (!isOurs) return "again";
      own.intend(key, text);
      return { done: address };
    });
  }

  #doubt(what: string, value: bigint): void {
    const [oldest] = this.#doubtful.keys();
    if (this.#doubtful.size >= MAX_DOUBTS && oldest !== undefined) this.#doubtful.delete(oldest);
    this.#doubtful.set(what, value);
  }

  #freeCheck(pool: PoolRecord, key: string, address: IpAddress): ClusterCheck {
    const kept = this.#parts.copy.addresses(pool.token).get(address.value);
    return kept !== undefined && kept.value.holder === undefined
      ? { key, version: kept.version }
      : { key, is: "absent" };
  }

  /** The store refused: perhaps an earlier attempt of ours went through, or the pool is gone, or somebody was faster. */
  async #isOurs(pool: PoolRecord, key: string, { address, holder, again }: LeaseRequest): Promise<boolean> {
    const { writer, self } = this.#parts;
    const found = await writer.look(key);
    const record = found === undefined ? undefined : tryDecode(decodeAddress, key, found.value);
    if (record?.host === self && (record.holder === holder || (again === true && record.holder !== undefined)))
      return true;
    if (found === undefined && (await writer.get(poolKey(pool.subnet))) === undefined)
      throw poolNotFound(formatPoolId(pool));
    // Free in truth, or at rest: the copy knows by now, and the next attempt checks the right version.
    const isFree = found === undefined || (record !== undefined && record.holder === undefined);
    if (!isFree && address !== undefined) throw inUse();
    return false;
  }

  #choose(pool: PoolRecord, holder: string): bigint | undefined {
    const { first, last } = rangeOf(pool);
    const { copy, self, elapsedMs, reuseDelayMs } = this.#parts;
    const addresses = copy.addresses(pool.token);
    const restedBefore = elapsedMs() - reuseDelayMs;
    const { family } = pool.subnet.address;
    const stateOf: AddressChoice["stateOf"] = (value) => {
      const kept = addresses.get(value);
      if (kept !== undefined && kept.value.holder !== undefined) return "held";
      if (isUnusable(pool.subnet, value)) return "held";
      const key = addressKey(pool.token, { family, value });
      if (this.#avoided.has(key) || (kept === undefined && copy.versionOf(key) !== undefined)) return "held";
      return kept !== undefined && kept.seenMs > restedBefore ? "resting" : "free";
    };
    if (holder === "gateway") return lowestFree({ first, last, stateOf });
    const living = copy.hosts().map(({ id }) => id);
    const hosts = [...new Set([...living, self])].sort();
    const after = this.#last.get(pool.token);
    const chosen = chooseAddress({
      first,
      last,
      stateOf,
      ...(after !== undefined && { after }),
      hosts: hosts.length,
      rank: hosts.indexOf(self),
      resting: () => longestResting(addresses),
    });
    // Before it is taken: others that are leased at the same moment go on from here.
    if (chosen !== undefined) this.#last.set(pool.token, chosen);
    return chosen;
  }

  /** Gives an address of this host back, to rest; what cannot be told now is told when the store is there again. */
  async release(pool: PoolRecord, address: IpAddress): Promise<void> {
    const { own, self, writer, copy } = this.#parts;
    const key = addressKey(pool.token, address);
    const kept = copy.addresses(pool.token).get(address.value);
    const mine = own.get(key) !== undefined || kept?.value.host === self;
    const networks = kept !== undefined && isNetworks(kept.value);
    if (!mine && !networks) return;
    await own.changing([key], async () => {
      own.forget(key);
      await writer
        .decide("give an address back", () => this.#tryRelease(key, networks))
        .catch((cause: unknown) => {
          if (!(cause instanceof EngineError && cause.code === "unavailable")) throw cause;
        });
    });
  }

  async #tryRelease(key: string, networks: boolean): Promise<Attempt<true>> {
    const { writer, self, copy } = this.#parts;
    const kept = copy.get(key);
    const found = kept?.kind === "address" ? { version: kept.version, record: kept.value } : await this.#look(key);
    if (found === undefined || found.record.holder === undefined) return { done: true };
    if (found.record.host !== self && !networks) return { done: true };
    const check: ClusterCheck = { key, version: found.version };
    if (await writer.commit({ checks: [check], puts: [{ key, value: encodeAddress({ host: self }) }] })) {
      return { done: true };
    }
    await writer.look(key);
    return "again";
  }

  async #look(key: string): Promise<{ version: string; record: AddressRecord } | undefined> {
    const found = await this.#parts.writer.get(key);
    const record = found === undefined ? undefined : tryDecode(decodeAddress, key, found.value);
    return found === undefined || record === undefined ? undefined : { version: found.version, record };
  }
}

function longestResting(addresses: ReadonlyMap<bigint, KeptAddress>): readonly bigint[] {
  return [...addresses]
    .filter(([, { value }]) => value.holder === undefined)
    .sort(([, a], [, b]) => a.seenMs - b.seenMs)
    .map(([value]) => value);
}

function rangeOf({ subnet, range = subnet }: PoolRecord): { first: bigint; last: bigint } {
  return { first: range.address.value, last: lastAddress(range).value };
}

/** IPv4's network and broadcast, except in a /31 (RFC 3021) or /32; IPv6's first, the routers' anycast (RFC 4291, 2.6.1). */
function isUnusable(subnet: Prefix, value: bigint): boolean {
  const { family } = subnet.address;
  if (family === 6) return value === subnet.address.value;
  if (subnet.length >= 31) return false;
  return value === subnet.address.value || sameAddress(lastAddress(subnet), { family, value });
}

function inUse(): EngineError {
  return new EngineError("forbidden", "Address already in use");
}

function outOfRange(): EngineError {
  return new EngineError("invalid-argument", "Requested address is out of range");
}

export function poolNotFound(id: string): EngineError {
  return new EngineError("not-found", `cannot find address pool for poolID:${id}`);
}
