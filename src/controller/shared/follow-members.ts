/**
 * A network that spans hosts follows its members: the way to the others' endpoints in the kernel, and their names. Each change
 * is the difference between what was applied last and what the members now want, under the network's lock; an endpoint
 * of ours that joins, one that has left and news from the cluster all come here. A host without an endpoint on the network
 * carries nothing of it.
 */
import { messageOf } from "../../base/errors.ts";
import { NOTHING, type DesiredState } from "../../drivers/driver.ts";
import type { NetworkIntent, PeerIntent } from "../../drivers/intent.ts";
import { peerAnnouncements } from "../../drivers/overlay/overlay-driver.ts";
import type { DnsChange } from "../../dns/dns.ts";
import { factKey } from "../../kernel/plan.ts";
import { change, changeAll } from "../apply.ts";
import { networkState } from "../desired.ts";
import { membersOf } from "./members.ts";
import { isShared } from "./shared-record.ts";
import { networkKey, type World } from "../world.ts";

/** What was applied last. */
export interface Followed {
  readonly state: DesiredState;
  /** Peers whose names the resolver knows, by id. */
  readonly peers: ReadonlyMap<string, PeerIntent>;
  /** False: the last change failed half way, and the kernel may have less of `state` than it says. */
  readonly isWhole: boolean;
}

const NOT_YET: Followed = { state: NOTHING, peers: new Map(), isWhole: true };

/** Brings the network in line with its members; when the kernel refuses it stays as it was, and that is thrown. */
export async function followMembers(world: World, networkId: string): Promise<void> {
  await world.locks.run(networkKey(networkId), async () => {
    const entry = world.registry.network(networkId);
    if (entry?.phase === "live" && isShared(world, entry.intent)) await bringInLine(world, entry.intent);
  });
}

/** The same where nobody waits for it: what fails is logged, and repaired by the reconciler. */
export async function followLogged(world: World, networkId: string): Promise<void> {
  await followMembers(world, networkId).catch((cause: unknown) => {
    world.log.error({ network: networkId, err: cause }, `network does not follow its members: ${messageOf(cause)}`);
  });
}

async function bringInLine(world: World, network: NetworkIntent): Promise<void> {
  const before = world.followed.get(network.id) ?? NOT_YET;
  if (before === NOT_YET && world.registry.namesOnNetwork(network.id).size === 0) return;
  const members = membersOf(world, network);
  const state = networkState(world, network);
  const peers = new Map(members.local.length === 0 ? [] : members.peers.map((peer) => [peer.id, peer]));
  const step = async (): Promise<void> => {
    if (members.local.length === 0) await changeAll(world, before.state, state);
    else await change(world, before.isWhole ? before.state : withoutDoubtful(before.state, state), state);
  };
  await step().catch((cause: unknown) => {
    world.followed.set(network.id, { ...before, isWhole: false });
    throw cause;
  });
  world.followed.set(network.id, { state, peers: before.peers, isWhole: true });
  await announcePeers(world, before.state, state);
  const names = nameChanges(before.peers, peers);
  if (names.length > 0) await world.dns.change(names);
  if (members.local.length === 0) world.followed.delete(network.id);
  else world.followed.set(network.id, { state, peers, isWhole: true });
}

/** Only what is to go: everything that shall be is then made sure of. */
function withoutDoubtful(before: DesiredState, after: DesiredState): DesiredState {
  const kept = new Set(after.facts.map(factKey));
  return { facts: before.facts.filter((fact) => !kept.has(factKey(fact))), policies: before.policies };
}

/** Containers here that spoke to an address of a peer before it moved would go on talking to where it was. */
async function announcePeers({ kernel, log }: World, before: DesiredState, after: DesiredState): Promise<void> {
  const told = peerAnnouncements(before.facts, after.facts);
  if (told === undefined) return;
  await kernel.announce(told.namespace, told.announcements).catch((cause: unknown) => {
    log.debug({ namespace: told.namespace, reason: messageOf(cause) }, "peers were not announced");
  });
}

function nameChanges(
  before: ReadonlyMap<string, PeerIntent>,
  after: ReadonlyMap<string, PeerIntent>,
): readonly DnsChange[] {
  const gone = [...before.keys()].filter((id) => !after.has(id));
  const came = [...after.values()].filter((peer) => before.get(peer.id) !== peer);
  return [...gone.map((id): DnsChange => ({ remove: "endpoint", id })), ...came.map(putPeer)];
}

function putPeer({ id, networkId, dnsNames, addresses }: PeerIntent): DnsChange {
  const endpoint = { id, networkId, names: dnsNames, addresses: addresses.map(({ address }) => address) };
  return { put: "endpoint", endpoint };
}

/** Start-up: the kernel is as intended already; what is followed begins here, with the peers' names. */
export async function takeUpMembers(world: World): Promise<void> {
  for (const { intent } of world.registry.networks()) {
    if (!isShared(world, intent)) continue;
    const { local } = membersOf(world, intent);
    if (local.length === 0) continue;
    world.followed.set(intent.id, { ...NOT_YET, state: networkState(world, intent) });
    await followLogged(world, intent.id);
  }
}

/** What the kernel has of the network because of its members. Taken down with it. */
export function followedState(world: World, network: NetworkIntent): DesiredState {
  return world.followed.get(network.id)?.state ?? networkState(world, network);
}
