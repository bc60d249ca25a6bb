/**
 * Makes this host one of the living: its key and the claims to its name and address, bound to a session, in one transaction.
 * Refuses with `conflict` and says why when another host has any of them, or when the cluster was set up otherwise.
 */
import { formatAddress } from "../addr/ip-address.ts";
import { formatPrefix } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";
import { RecordReader } from "../store/record-reader.ts";
import type { ClusterCheck, ClusterRecord, ClusterSession, ClusterStore } from "./cluster-store.ts";
import { hostAddressKey, hostKey, hostNameKey, HOSTS, POOLS, SETTINGS } from "./keys.ts";
import type { ClusterOptions } from "./options.ts";
import { decodeHost, encodeHost, tryDecode, type HostRecord } from "./records.ts";

/** Of the layout in `keys.ts` and the records in `records.ts`. */
const FORMAT = 1;

export interface Joining {
  readonly store: ClusterStore;
  readonly session: ClusterSession;
  readonly self: HostRecord;
  /** Incarnations that this host's former processes may have left behind. */
  readonly former: readonly string[];
  readonly options: ClusterOptions;
}

/** False: something changed while we looked, try again. */
export async function joinCluster(joining: Joining): Promise<boolean> {
  const { store, session, self } = joining;
  const keys = [hostKey(self.id), hostNameKey(self.name), hostAddressKey(self.address)] as const;
  const [settings, host, name, address] = await Promise.all([SETTINGS, ...keys].map((key) => store.get(key)));
  if (host !== undefined) assertSelf(joining, host);
  if (name !== undefined) await assertFree(joining, name, `name ${self.name}`);
  if (address !== undefined) await assertFree(joining, address, `address ${formatAddress(self.address)}`);
  const agreed = agreedText(joining.options);
  const agrees = settings?.value === agreed;
  if (settings !== undefined && !agrees) await assertAlone(joining, settings, agreed);
  return store.commit({
    checks: [
      unchanged(SETTINGS, settings),
      unchanged(keys[0], host),
      unchanged(keys[1], name),
      unchanged(keys[2], address),
    ],
    puts: [
      ...(agrees ? [] : [{ key: SETTINGS, value: agreed }]),
      { key: keys[0], value: encodeHost(self), session },
      { key: keys[1], value: self.id, session },
      { key: keys[2], value: self.id, session },
    ],
  });
}

function unchanged(key: string, record: ClusterRecord | undefined): ClusterCheck {
  return record === undefined ? { key, is: "absent" } : { key, version: record.version };
}

/** Our own key may be there already: from this process, or from a former one whose session has not run out. */
function assertSelf({ self, former, session }: Joining, record: ClusterRecord): void {
  const found = tryDecode(decodeHost, record.key, record.value);
  if (found === undefined || found.incarnation === self.incarnation) return;
  const isFormer = former.includes(found.incarnation);
  if (isFormer && found.name === self.name && found.address.value === self.address.value) return;
  const other = `${found.name} (${formatAddress(found.address)})`;
  const hint = `if not, and that was this host before, it is forgotten within ${seconds(session.ttlMs)}`;
  throw new EngineError(
    "conflict",
    `host id ${self.id} is in use by host ${other}: was this data root copied from there? Start with an empty one; ${hint}`,
  );
}

async function assertFree({ store, self, session }: Joining, claim: ClusterRecord, what: string): Promise<void> {
  if (claim.value === self.id || !/^[A-Za-z0-9._:-]{1,120}$/.test(claim.value)) return;
  const holder = await store.get(hostKey(claim.value));
  if (holder === undefined) return;
  const found = tryDecode(decodeHost, holder.key, holder.value);
  const who = found === undefined ? claim.value : `${found.name} (${formatAddress(found.address)})`;
  throw new EngineError(
    "conflict",
    `the ${what} of this host is in use by host ${who} of the cluster; if that one is gone, it is forgotten within ${seconds(session.ttlMs)}`,
  );
}

/** Settings are changed only by a host that is alone with them: nobody else lives, and no subnet was taken under the old ones. */
async function assertAlone({ store, self }: Joining, settings: ClusterRecord, agreed: string): Promise<void> {
  const [hosts, pools] = await Promise.all([store.list(HOSTS), store.list(POOLS)]);
  if (hosts.every(({ key }) => key === hostKey(self.id)) && pools.length === 0) return;
  throw new EngineError(
    "conflict",
    `the cluster at ${store.address} was set up with ${describe(settings.value)}, this host with ${describe(agreed)}: ` +
      `start it with the same, or with another prefix for a cluster of its own (they are kept in key ${SETTINGS})`,
  );
}

/** What all hosts must agree on. Texts are compared, so the order of members counts. */
function agreedText({ defaultPools, vxlanPort }: ClusterOptions): string {
  const pools = defaultPools.map(({ base, size }) => `${formatPrefix(base)} in /${size}`);
  return JSON.stringify({ format: FORMAT, pools, vxlanPort });
}

function describe(text: string): string {
  try {
    const record = new RecordReader(JSON.parse(text), SETTINGS);
    const pools = record.field("pools").list((item) => item.text());
    const format = record.field("format").integer();
    return `format ${format}, address pools ${pools.join(", ")} and VXLAN port ${record.field("vxlanPort").integer()}`;
  } catch {
    return `settings that make no sense (${JSON.stringify(text.slice(0, 80))})`;
  }
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`;
}
