/** Intents of overlay networks, endpoints and peers for the tests of this folder. */
import { parseAddress } from "../../addr/ip-address.ts";
import { parseMac } from "../../addr/mac-address.ts";
import { parsePrefix } from "../../addr/prefix.ts";
import { endpoint as bridgeEndpoint, idOf, network as bridgeNetwork, pool } from "../bridge/intents.fixture.ts";
import type { EndpointIntent, NetworkIntent, NetworkMembers, PeerIntent, PoolIntent } from "../intent.ts";

export { idOf };

export function overlayPool(subnet: string, gateway: string, vni: number): PoolIntent {
  return { ...pool(subnet, gateway), vni };
}

export function network(rest: Partial<NetworkIntent> = {}): NetworkIntent {
  const pools = [overlayPool("10.0.0.0/24", "10.0.0.1", 256)];
  return bridgeNetwork({ name: "shop", driver: "overlay", scope: "global", pools, ...rest });
}

/** `c1` has 10.0.0.11, MAC 02:00:00:00:00:01, and so on. */
export function endpoint(number: number, rest: Partial<EndpointIntent> = {}): EndpointIntent {
  return bridgeEndpoint({
    id: idOf(`c${number}`),
    name: `c${number}`,
    mac: parseMac(`02:00:00:00:00:0${number}`),
    addresses: [parsePrefix(`10.0.0.1${number}/24`)],
    ...rest,
  });
}

/** The endpoint as other hosts see it. */
export function peer(
  { id, networkId, name, mac, addresses, dnsNames }: EndpointIntent,
  hostAddress: string,
): PeerIntent {
  if (mac === undefined) throw new Error(`${name} has no MAC address`);
  const host = parseAddress(hostAddress);
  return { id, networkId, name, mac, addresses, dnsNames, hostAddress: host, hostName: hostAddress };
}

export function members(local: readonly EndpointIntent[], peers: readonly PeerIntent[]): NetworkMembers {
  return { local, peers };
}
