/**
 * Brings the cluster's store in line with what is this host's own (`own-records.ts`), after it was away, or somebody touched it.
 * What another host has got meanwhile is never taken from it: the endpoint is lost then, and the log says so.
 */
import { formatAddress, sameAddress } from "../addr/ip-address.ts";
import type { Log } from "../base/log.ts";
import type { ClusterCheck } from "./cluster-store.ts";
import { isAddressKey } from "./keys.ts";
import type { Kept, LocalCopy } from "./local-copy.ts";
import type { OwnEndpoints } from "./own-endpoints.ts";
import type { OwnRecords } from "./own-records.ts";
import {
  decodeAddress,
  decodeEndpoint,
  encodeAddress,
  encodeNetwork,
  encodePool,
  tryDecode,
  type EndpointRecord,
} from "./records.ts";
import type { ClusterWriter } from "./writer.ts";

export interface RestoringParts {
  readonly copy: LocalCopy;
  readonly writer: ClusterWriter;
  readonly own: OwnRecords;
  readonly endpoints: OwnEndpoints;
  readonly self: string;
  readonly log: Log;
}

/** Writes per transaction; each has a check. */
const AT_ONCE = 24;

type Wanted = ReturnType<OwnRecords["differences"]>["wanted"][number];

/** True when everything was as it must be. Throws `unavailable`. */
export async function restoreOwn(parts: RestoringParts): Promise<boolean> {
  const { own, log } = parts;
  const { wanted, stray, isSettling } = own.differences();
  const spoilt = spoiltOfOurs(parts);
  if (wanted.length + stray.length + spoilt.length === 0) return !isSettling;
  log.info(
    { missing: wanted.length, stray: stray.length, spoilt: spoilt.length },
    "cluster records of this host are put right",
  );
  // Addresses first: an endpoint whose address is another's now is lost with it.
  const [addresses, endpoints] = [wanted.filter(isAddress), wanted.filter((item) => !isAddress(item))];
  await inBatches(addresses, (batch) => writeAll(parts, batch));
  await inBatches(endpoints, (batch) => writeAll(parts, batch));
  await inBatches(stray, (batch) => takeBack(parts, batch));
  for (const kept of spoilt) await rewrite(parts, kept);
  return false;
}

function isAddress({ key }: Pick<Wanted, "key">): boolean {
  return isAddressKey(key);
}

async function inBatches<T>(items: readonly T[], body: (batch: readonly T[]) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += AT_ONCE) await body(items.slice(start, start + AT_ONCE));
}

/** All at once; where that is refused, one by one, to find out which. */
async function writeAll(parts: RestoringParts, batch: readonly Wanted[]): Promise<void> {
  const { own, writer } = parts;
  const stillOurs = batch.filter(({ key, text }) => own.get(key) === text);
  const free = stillOurs.filter((item) => keepOrLose(parts, item, item.kept));
  const keys = free.map(({ key }) => key);
  if (free.length === 0) return;
  const isDone = await own.changing(keys, () =>
    writer.commit({
      checks: free.map(({ key }) => unchanged(parts, key)),
      puts: free.map(({ key, text }) => ({ key, value: text })),
    }),
  );
  for (const { key, text } of isDone ? free : []) own.intend(key, text);
  if (!isDone) for (const item of free) await writeOne(parts, item);
}

async function writeOne(parts: RestoringParts, { key, text }: Wanted): Promise<void> {
  const { own, writer, copy } = parts;
  await own.changing([key], async () => {
    await writer.look(key);
    const kept = copy.get(key);
    if (own.get(key) !== text || !keepOrLose(parts, { key, text }, kept)) return;
    if (await writer.commit({ checks: [unchanged(parts, key)], puts: [{ key, value: text }] })) own.intend(key, text);
  });
}

function unchanged({ copy }: RestoringParts, key: string): ClusterCheck {
  const version = copy.versionOf(key);
  return version === undefined ? { key, is: "absent" } : { key, version };
}

/** Whether the record can be ours still. If not (it is another's now, or its network is gone) we give it up, and false. */
function keepOrLose(parts: RestoringParts, item: Pick<Wanted, "key" | "text">, kept: Kept | undefined): boolean {
  return isAddress(item) ? keepOrLoseAddress(parts, item, kept) : keepOrLoseEndpoint(parts, item, kept);
}

function keepOrLoseAddress(
  parts: RestoringParts,
  { key, text }: Pick<Wanted, "key" | "text">,
  kept: Kept | undefined,
): boolean {
  const { own, self, copy, endpoints } = parts;
  const lease = tryDecode(decodeAddress, key, text);
  const isHeld = kept?.kind === "address" && kept.value.holder !== undefined;
  const holder = isHeld ? kept.value.host : self;
  const isPooled = lease !== undefined && copy.hasPool(lease.token);
  if (isPooled && holder === self) return true;
  own.forget(key);
  if (!isPooled) return false;
  const { token, address } = lease;
  for (const endpoint of endpoints) {
    const isOfPool = copy.network(endpoint.networkId)?.pools.includes(token) === true;
    if (isOfPool && endpoint.addresses.some((prefix) => sameAddress(prefix.address, address)))
      loseEndpoint(parts, endpoint, `its address ${formatAddress(address)}`, holder);
  }
  return false;
}

function keepOrLoseEndpoint(
  parts: RestoringParts,
  { key, text }: Pick<Wanted, "key" | "text">,
  kept: Kept | undefined,
): boolean {
  const { own, copy, endpoints, log } = parts;
  const endpoint = tryDecode(decodeEndpoint, key, text);
  if (endpoint === undefined) {
    own.forget(key);
    return false;
  }
  const { id, name, networkId } = endpoint;
  if (copy.network(networkId) === undefined) {
    log.error(
      { endpoint: id, network: networkId },
      `endpoint ${name} is lost: its network is gone from the cluster; disconnect its container from it`,
    );
    endpoints.lose(id);
    return false;
  }
  const other = kept?.kind === "endpoint" && kept.value.id !== id ? kept.value.host : undefined;
  if (other === undefined) return true;
  loseEndpoint(parts, endpoint, `its name ${name}`, other);
  return false;
}

function loseEndpoint(
  { endpoints, copy, log }: RestoringParts,
  endpoint: EndpointRecord,
  what: string,
  host: string,
): void {
  const { id, name, networkId } = endpoint;
  const network = copy.network(networkId)?.name ?? networkId;
  const who = copy.host(host)?.name ?? host;
  log.error(
    { endpoint: id, network: networkId },
    `endpoint ${name} of network ${network} is lost: while this host was away, host ${who} got ${what}; disconnect and connect its container again`,
  );
  endpoints.lose(id);
}

/** Endpoints go; addresses rest. */
async function takeBack({ own, writer, self }: RestoringParts, batch: readonly Kept[]): Promise<void> {
  const resting = batch.filter(({ kind }) => kind === "address");
  const going = batch.filter(({ kind }) => kind !== "address");
  const keys = batch.map(({ key }) => key);
  const isDone = await own.changing(keys, () =>
    writer.commit({
      checks: batch.map(({ key, version }) => ({ key, version })),
      puts: resting.map(({ key }) => ({ key, value: encodeAddress({ host: self }) })),
      removes: going.map(({ key }) => key),
    }),
  );
  if (!isDone) for (const key of keys) await writer.look(key);
}

/** Networks and pools that this host made and somebody turned into nonsense; of endpoints and addresses the comparison knows. */
function spoiltOfOurs({ copy, self }: RestoringParts): readonly Kept[] {
  return copy.spoilt().filter(({ kind, value }) => (kind === "network" || kind === "pool") && value.host === self);
}

async function rewrite({ writer, log }: RestoringParts, kept: Kept): Promise<void> {
  const { key, version } = kept;
  const value =
    kept.kind === "network" ? encodeNetwork(kept.value) : kept.kind === "pool" ? encodePool(kept.value) : undefined;
  if (value === undefined) return;
  if (await writer.commit({ checks: [{ key, version }], puts: [{ key, value }] })) {
    log.warn({ key }, "cluster record of this host was spoilt, and is written anew");
  }
}
