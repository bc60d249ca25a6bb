/**
 * What is to be given back to the cluster's address management and could not be, because its store was away: kept in the
 * host's own store and made up for later. Containers leave without it.
 */
import { formatAddress, type IpAddress } from "../addr/ip-address.ts";
import { EngineError, messageOf } from "../base/errors.ts";
import type { Json } from "../store/store.ts";
import { present, RecordError, RecordReader } from "../store/record-reader.ts";
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
    if (!(cause instanceof EngineError) || cause.code !== "unavailable") throw cause;
    owe(parts, [release]);
    parts.log.warn({ pool: release.poolId, err: cause }, `to be given back later: ${messageOf(cause)}`);
  }
}

export function owe(parts: Pick<World, "store">, releases: readonly Release[]): void {
  const puts = releases.map((release) => ({ put: OWED, id: idOf(release), value: encode(release) }));
  if (puts.length > 0) parts.store.commit(puts);
}

/** Gives back what is owed, as far as the store answers. */
export async function settleReleases(parts: Parts): Promise<void> {
  await parts.locks.run(LOCK, async () => {
    for (const { id, value } of parts.store.list(OWED)) {
      if (parts.cluster?.status().state !== "connected") return;
      try {
        await carryOut(parts, decode(id, value));
      } catch (cause) {
        parts.log.warn({ id, err: cause }, `not given back: ${messageOf(cause)}`);
        if (!(cause instanceof RecordError)) continue;
      }
      parts.store.commit([{ remove: OWED, id }]);
    }
  });
}

/**
 * Before an address is asked for by name: this host still holds it in the cluster's eyes if it is owed, so it would be given
 * out again, and then given back while in use.
 */
export async function settleBefore(parts: Parts, release: Release): Promise<void> {
  if (parts.store.get(OWED, idOf(release)) === undefined) return;
  await settleReleases(parts);
  if (parts.store.get(OWED, idOf(release)) !== undefined) {
    throw new EngineError("unavailable", `address ${release.poolId} is not given back yet: the cluster store is away`);
  }
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
