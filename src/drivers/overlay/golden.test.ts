/**
 * What overlay networks ask of the kernel, scenario by scenario, as text in `golden/`. `CAUSEWAY_UPDATE_GOLDEN=1 node --test
 * src/drivers/overlay/golden.test.ts` writes the files anew.
 */
import { join } from "node:path";
import { parseAddress } from "../../addr/ip-address.ts";
import { parsePrefix } from "../../addr/prefix.ts";
import { PLACE } from "../bridge/intents.fixture.ts";
import { testGolden } from "../golden.contract.ts";
import { describeJoin, describeState } from "../describe-state.fixture.ts";
import type { EndpointIntent, NetworkIntent, PeerIntent } from "../intent.ts";
import { endpoint, network, overlayPool, peer } from "./intents.fixture.ts";
import { OPTION } from "./options.ts";
import { createOverlayDriver } from "./overlay-driver.ts";

const FOLDER = join(import.meta.dirname, "golden");

interface Scenario {
  readonly title: string;
  readonly network: NetworkIntent;
  readonly local: readonly EndpointIntent[];
  readonly peers: readonly PeerIntent[];
  readonly advertise?: string;
}

const dual = { addresses: [parsePrefix("10.0.0.12/24"), parsePrefix("fd00:7::12/64")] };

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "no-container-here": {
    title: "docker network create -d overlay shop, on a host without containers on it",
    network: network(),
    local: [],
    peers: [peer(endpoint(2), "192.0.2.2")],
  },
  "one-peer": {
    title: "docker run --net shop on this host and on 192.0.2.2",
    network: network(),
    local: [endpoint(1)],
    peers: [peer(endpoint(2), "192.0.2.2")],
  },
  "internal-mtu": {
    title: "docker network create -d overlay --internal -o com.docker.network.driver.mtu=9000 shop",
    network: network({ internal: true, options: { [OPTION.mtu]: "9000" } }),
    local: [endpoint(1, { linkLocal: [parseAddress("169.254.8.8")] })],
    peers: [],
  },
  "two-subnets": {
    title: "docker network create -d overlay --subnet 10.0.0.0/24 --subnet 10.0.1.0/24 shop",
    network: network({
      pools: [overlayPool("10.0.0.0/24", "10.0.0.1", 256), overlayPool("10.0.1.0/24", "10.0.1.1", 257)],
    }),
    local: [endpoint(1)],
    peers: [peer(endpoint(2, { addresses: [parsePrefix("10.0.1.12/24")] }), "192.0.2.2")],
  },
  "both-families": {
    title: "docker network create -d overlay --ipv6 --subnet 10.0.0.0/24 --subnet fd00:7::/64 shop, hosts on IPv6",
    network: network({
      enableIPv6: true,
      pools: [overlayPool("10.0.0.0/24", "10.0.0.1", 256), overlayPool("fd00:7::/64", "fd00:7::1", 257)],
    }),
    local: [endpoint(1, { addresses: [parsePrefix("10.0.0.11/24"), parsePrefix("fd00:7::11/64")] })],
    peers: [peer(endpoint(2, dual), "2001:db8::2")],
    advertise: "2001:db8::1",
  },
  "stray-peers": {
    title: "peers with an address in none of the subnets, or behind a host of the other address family, lead nowhere",
    network: network(),
    local: [endpoint(1)],
    peers: [
      peer(endpoint(2, { addresses: [parsePrefix("10.9.0.2/24")] }), "192.0.2.2"),
      peer(endpoint(3), "2001:db8::3"),
    ],
  },
};

function describeScenario({ title, network: intent, local, peers, advertise = "192.0.2.1" }: Scenario): string {
  const driver = createOverlayDriver({
    namespaceDirectory: "/run/causeway/netns",
    advertise: parseAddress(advertise),
  });
  driver.validate(intent, []);
  const endpoints = local.flatMap((joined) => [
    "",
    "## an endpoint",
    ...describeState(driver.endpointState(intent, joined, PLACE)),
    describeJoin(driver.joinInfo(intent, joined)),
  ]);
  const state = describeState(driver.networkState(intent, { local, peers }));
  return [`# ${title}`, "", "## the network", ...state, ...endpoints, ""].join("\n");
}

testGolden(FOLDER, SCENARIOS, describeScenario);
