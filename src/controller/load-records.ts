/**
 * Start-up's first half: what the store says. Removals that a crash cut short are finished by forgetting their intents (the
 * sweep takes what the kernel still has); plugins are told of it once we run. A record that cannot be understood is kept, logged and left out; what the kernel
 * has of it is left in peace, in case an older or newer version understands it.
 */
import { messageOf } from "../base/errors.ts";
import type { EndpointIntent } from "../drivers/intent.ts";
import type { Json } from "../store/store.ts";
import {
  decodeEndpoint,
  decodeNetwork,
  decodeSandbox,
  ENDPOINTS,
  NETWORKS,
  SANDBOXES,
  type Stored,
} from "./records.ts";
import { oweEnd } from "./plugins/settle-calls.ts";
import { isShared } from "./shared/shared-record.ts";
import { RecordError } from "../store/record-reader.ts";
import type { World } from "./world.ts";

/** Ids of records that were left out: whatever carries one of them is not to be swept. */
export type UnreadIds = ReadonlySet<string>;

export function loadRecords(world: World): Set<string> {
  const unread = new Set<string>();
  const networks = decodeAll(world, NETWORKS, decodeNetwork, unread);
  const sandboxes = decodeAll(world, SANDBOXES, decodeSandbox, unread);
  const endpoints = decodeAll(world, ENDPOINTS, decodeEndpoint, unread);

  const [kept, double] = withoutDoubles(networks.filter(isLive));
  for (const { intent } of double) skip(world, unread, intent.id, `network name ${intent.name} is taken by another`);
  world.registry.restore({ put: { networks: kept, sandboxes: sandboxes.filter(isLive) } });
  const isStale = (entry: Stored<EndpointIntent>): boolean => !isLive(entry) || isOrphan(world, entry.intent, unread);
  const stale = endpoints.filter(isStale);
  for (const entry of endpoints.filter((one) => !isStale(one))) restoreEndpoint(world, entry, unread);
  for (const { intent } of networks.filter((entry) => !isLive(entry))) {
    oweEnd(world, intent, isShared(world, intent) ? "delete" : "end");
  }
  world.registry.commit({
    remove: {
      networks: networks.filter((entry) => !isLive(entry)).map(({ intent }) => intent.id),
      sandboxes: sandboxes.filter((entry) => !isLive(entry)).map(({ intent }) => intent.id),
      endpoints: stale.map(({ intent }) => intent.id),
    },
  });
  return unread;
}

function decodeAll<T>(
  world: World,
  collection: string,
  decode: (id: string, value: Json) => Stored<T>,
  unread: Set<string>,
): readonly Stored<T>[] {
  return world.store.list(collection).flatMap(({ id, value }) => {
    try {
      return [decode(id, value)];
    } catch (cause) {
      if (!(cause instanceof RecordError)) throw cause;
      skip(world, unread, id, messageOf(cause));
      return [];
    }
  });
}

function skip(world: World, unread: Set<string>, id: string, why: string): void {
  unread.add(id);
  world.log.error({ id }, `stored record left out: ${why}`);
}

function isLive({ phase }: Stored<unknown>): boolean {
  return phase === "live";
}

function withoutDoubles<T extends { readonly intent: { readonly name: string } }>(
  entries: readonly T[],
): readonly [readonly T[], readonly T[]] {
  const first = new Map<string, T>();
  for (const entry of entries) if (!first.has(entry.intent.name)) first.set(entry.intent.name, entry);
  return [entries.filter((e) => first.get(e.intent.name) === e), entries.filter((e) => first.get(e.intent.name) !== e)];
}

/** Nobody has or will have its network or sandbox: a crash came between two commits. */
function isOrphan({ registry }: World, { networkId, attachment, lent }: EndpointIntent, unread: UnreadIds): boolean {
  const sandboxId = attachment?.sandboxId ?? "";
  const networkGone = registry.network(networkId) === undefined && !unread.has(networkId);
  const sandboxGone = lent === undefined && registry.sandbox(sandboxId) === undefined && !unread.has(sandboxId);
  return networkGone || sandboxGone;
}

function restoreEndpoint(world: World, entry: Stored<EndpointIntent>, unread: Set<string>): void {
  const { id, name, networkId, attachment, lent } = entry.intent;
  const { registry } = world;
  const hasSandbox = lent !== undefined || registry.sandbox(attachment?.sandboxId ?? "") !== undefined;
  const hasHome = registry.network(networkId) !== undefined && hasSandbox;
  if (!hasHome) skip(world, unread, id, "its network or sandbox was left out");
  else if (!registry.namesOnNetwork(networkId).has(name)) registry.restore({ put: { endpoints: [entry] } });
  else skip(world, unread, id, `endpoint name ${name} is taken by another`);
}
