/**
 * What is to be given back to the cluster's address management and could not be, because its store was away: kept in the
 * host's own store and made up for later. Containers leave without it.
 */
import { formatAddress, sameAddress, type IpAddress } from "../addr/ip-address.ts";
import { EngineError, messageOf } from "../base/errors.ts";
import type { Json } from "../store/store.ts";
import { present, RecordReader } from "../store/record-reader.ts";
import type { World } from "./world.ts";

const OWED = "owed-releases";
const LOCK = "owed releases";

/** An address, or without one the whole pool. */
export interface Release {
  readonly ipamDriver: string;
  readonly poolId: string;
  readonly address?: IpAddress;
}

type Parts = Pick<World, "store" | "locks" | "ipamDriver" | "log" | "cluster">;

/** Gives it back now, or notes that it is owed. Throws only what the store's absence does not explain. */
export async function releaseOrOwe(parts: Parts, release: Release): Promise<void> {
  if (parts.cluster?.status().state === "away") {
    owe(parts, [release]);
    return;
  }
  try {
    await carryOut(parts, release);
  } catch (cause) {
    if (!isAway(cause)) throw cause;
    owe(parts, [release]);
    parts.log.warn({ pool: release.poolId, err: cause }, `to be given back later: ${messageOf(cause)}`);
  }
}

export function owe(parts: Pick<World, "store">, releases: readonly Release[]): void {
  const puts = releases.map((release) => ({ put: OWED, id: idOf(release), value: encode(release) }));
  if (puts.length > 0) parts.store.commit(puts);
}

/**
 * Gives back what is owed, as far as the store answers; resolves when nobody is giving anything back. To be done before an
 * address is leased: one that is owed counts as ours, would be given out again, and then be given back while in use.
 */
export async function settleReleases(parts: Parts & Pick<World, "registry">): Promise<void> {
  if (parts.store.list(OWED).length === 0) return;
  await parts.locks.run(LOCK, async () => {
    for (const { id, value } of parts.store.list(OWED)) {
      if (parts.cluster?.status().state !== "connected") return;
      try {
        const release = decode(id, value);
        if (!isInUse(parts, release)) await carryOut(parts, release);
      } catch (cause) {
        parts.log.warn({ id, err: cause }, `not given back: ${messageOf(cause)}`);
        if (isAway(cause)) return;
      }
      parts.store.commit([{ remove: OWED, id }]);
    }
  });
}

/** A call that timed out may have been carried out, and what it gave back may be leased again since. */
function isInUse({ registry }: Pick<World, "registry">, { poolId, address }: Release): boolean {
  return registry.networks().some(({ intent, phase }) => {
    if (phase === "removing" || !intent.pools.some((pool) => pool.poolId === poolId)) return false;
    if (address === undefined) return true;
    const endpoints = registry.endpointsOfNetwork(intent.id).filter((entry) => entry.phase !== "removing");
    return endpoints.some((entry) => entry.intent.addresses.some((own) => sameAddress(own.address, address)));
  });
}

function isAway(cause: unknown): boolean {
  return cause instanceof EngineError && cause.code === "unavailable";
}

async function carryOut(parts: Parts, { ipamDriver, poolId, address }: Release): Promise<void> {
  const ipam = parts.ipamDriver(ipamDriver);
  if (address === undefined) await ipam.releasePool(poolId);
  else await ipam.releaseAddress(poolId, address);
}

function idOf({ ipamDriver, poolId, address }: Release): string {
  return `${ipamDriver} ${poolId} ${address === undefined ? "" : formatAddress(address)}`;
}

function encode({ ipamDriver, poolId, address }: Release): Json {
  return present({ ipamDriver, poolId, address: address && formatAddress(address) });
}

function decode(id: string, value: Json): Release {
  const record = new RecordReader(value, `owed release ${id}`);
  return present({
    ipamDriver: record.field("ipamDriver").text(),
    poolId: record.field("poolId").text(),
    address: record.field("address").optional((reader) => reader.address()),
  });
}
