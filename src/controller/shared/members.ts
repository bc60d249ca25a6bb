/** Who is on a network: of networks that span hosts, this host's endpoints and, from the cluster's local copy, the others'. */
import type { SharedEndpoint } from "../../cluster/cluster.ts";
import {
  NO_MEMBERS,
  type EndpointIntent,
  type NetworkIntent,
  type NetworkMembers,
  type PeerIntent,
} from "../../drivers/intent.ts";
import type { World } from "../world.ts";

/** Of a network of this host alone nobody asks, and it is not looked for. */
export function membersOf(world: World, network: NetworkIntent): NetworkMembers {
  if (network.scope !== "global") return NO_MEMBERS;
  const staying = world.registry.endpointsOfNetwork(network.id).filter(({ phase }) => phase !== "removing");
  const local = staying.map(({ intent }) => intent).filter((endpoint) => !isIdle(endpoint));
  return { local, peers: peersOf(world, network.id) };
}

/** Lent, and in no sandbox: nobody needs to reach it. */
export function isIdle({ lent }: EndpointIntent): boolean {
  return lent !== undefined && lent.sandboxKey === undefined;
}

/** Endpoints of the other living hosts. */
export function peersOf({ cluster }: Pick<World, "cluster">, networkId: string): readonly PeerIntent[] {
  if (cluster === undefined) return [];
  return cluster.endpoints(networkId).flatMap((endpoint) => {
    return endpoint.host.id === cluster.self.id ? [] : [peerIntent(endpoint)];
  });
}

const intents = new WeakMap<SharedEndpoint, PeerIntent>();

/** What did not change stays the same object: whoever compares ten thousand of them need not look inside. */
function peerIntent(shared: SharedEndpoint): PeerIntent {
  const known = intents.get(shared);
  if (known !== undefined) return known;
  const { host, ...endpoint } = shared;
  const peer = { ...endpoint, hostAddress: host.address, hostName: host.name };
  intents.set(shared, peer);
  return peer;
}
