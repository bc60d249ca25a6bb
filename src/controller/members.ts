/** Who is on a network: of networks that span hosts, this host's endpoints and, from the cluster's local copy, the others'. */
import type { SharedEndpoint } from "../cluster/cluster.ts";
import { NO_MEMBERS, type NetworkIntent, type NetworkMembers, type PeerIntent } from "../drivers/intent.ts";
import type { World } from "./world.ts";

/** Of a network of this host alone nobody asks, and it is not looked for. */
export function membersOf(world: World, network: NetworkIntent): NetworkMembers {
  if (world.driver(network.driver).capabilities.scope === "local") return NO_MEMBERS;
  const { cluster, registry } = world;
  const staying = registry.endpointsOfNetwork(network.id).filter(({ phase }) => phase !== "removing");
  const others = cluster?.endpoints(network.id).filter(({ host }) => host.id !== cluster.self.id) ?? [];
  return { local: staying.map(({ intent }) => intent), peers: others.map(peerIntent) };
}

function peerIntent({ host, ...endpoint }: SharedEndpoint): PeerIntent {
  return { ...endpoint, hostAddress: host.address, hostName: host.name };
}
