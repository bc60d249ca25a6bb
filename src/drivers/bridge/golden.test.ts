/**
 * What each kind of bridge network and its endpoint come to, as text in `golden/`, so that a change of desired state is seen in
 * review as what it is. `CAUSEWAY_UPDATE_GOLDEN=1 node --test src/drivers/bridge/golden.test.ts` writes the files anew.
 */
import { join } from "node:path";
import { parseAddress } from "../../addr/ip-address.ts";
import { parsePrefix } from "../../addr/prefix.ts";
import { NO_MEMBERS, type EndpointIntent, type NetworkIntent } from "../intent.ts";
import { createBridgeDriver, type BridgeDriverOptions } from "./bridge-driver.ts";
import { testGolden } from "../golden.contract.ts";
import { describeJoin, describeState } from "../describe-state.fixture.ts";
import { endpoint, network, PLACE, pool } from "./intents.fixture.ts";
import { OPTION } from "./options.ts";

const FOLDER = join(import.meta.dirname, "golden");

interface Scenario {
  readonly title: string;
  readonly network: NetworkIntent;
  readonly endpoint?: EndpointIntent;
  readonly daemon?: BridgeDriverOptions;
}

const DUAL_STACK = {
  enableIPv6: true,
  pools: [pool("172.18.0.0/16", "172.18.0.1"), pool("fd00:18::/64", "fd00:18::1")],
};
const DUAL_ADDRESSES = { addresses: [parsePrefix("172.18.0.2/16"), parsePrefix("fd00:18::2/64")] };
const single = (port: number) => ({ first: port, last: port });
const PORTS = {
  ports: [
    { protocol: "tcp", hostAddress: parseAddress("0.0.0.0"), hostPorts: single(8080), containerPorts: single(80) },
    { protocol: "udp", hostAddress: parseAddress("127.0.0.1"), hostPorts: single(53), containerPorts: single(53) },
    { protocol: "tcp", hostAddress: parseAddress("::"), hostPorts: single(8080), containerPorts: single(80) },
  ],
} as const;
const DEFAULT_BRIDGE = {
  name: "bridge",
  predefined: true,
  options: { [OPTION.defaultBridge]: "true" },
  pools: [pool("172.17.0.0/16", "172.17.0.1")],
};

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "new-network": { title: "docker network create backend", network: network() },
  internal: { title: "docker network create --internal backend", network: network({ internal: true }) },
  "icc-off": {
    title: "docker network create -o com.docker.network.bridge.enable_icc=false backend",
    network: network({ options: { [OPTION.icc]: "false" } }),
  },
  ipv6: {
    title: "docker network create --ipv6 --subnet 172.18.0.0/16 --subnet fd00:18::/64 backend",
    network: network(DUAL_STACK),
    endpoint: endpoint({ ...DUAL_ADDRESSES, linkLocal: [parseAddress("169.254.8.8"), parseAddress("fe80::8")] }),
  },
  "ipv6-internal-icc-off": {
    title: "docker network create --internal --ipv6 -o com.docker.network.bridge.enable_icc=false backend",
    network: network({ ...DUAL_STACK, internal: true, options: { [OPTION.icc]: "false" } }),
    endpoint: endpoint(DUAL_ADDRESSES),
  },
  "users-bridge": {
    title:
      "docker network create -o com.docker.network.bridge.name=br0 -o com.docker.network.bridge.inhibit_ipv4=true backend",
    network: network({ options: { [OPTION.bridgeName]: "br0", [OPTION.inhibitIPv4]: "true" } }),
  },
  "no-masquerade-mtu": {
    title:
      "docker network create -o com.docker.network.bridge.enable_ip_masquerade=false -o com.docker.network.driver.mtu=1400 backend",
    network: network({ options: { [OPTION.masquerade]: "false", [OPTION.mtu]: "1400" } }),
  },
  "source-address": {
    title:
      "docker network create -o com.docker.network.host_ipv4=192.0.2.7 -o com.docker.network.container_iface_prefix=net backend",
    network: network({ options: { [OPTION.hostIPv4]: "192.0.2.7", [OPTION.interfacePrefix]: "net" } }),
  },
  "published-ports": {
    title: "docker run --net backend -p 8080:80 -p 127.0.0.1:53:53/udp (dual stack)",
    network: network(DUAL_STACK),
    endpoint: endpoint({ ...DUAL_ADDRESSES, ...PORTS }),
  },
  routed: {
    title: "docker network create -o com.docker.network.bridge.gateway_mode_ipv4=routed backend; docker run -p 80",
    network: network({ options: { [OPTION.gatewayModeIPv4]: "routed" } }),
    endpoint: endpoint(PORTS),
  },
  "nat-unprotected": {
    title: "docker network create -o com.docker.network.bridge.gateway_mode_ipv4=nat-unprotected backend",
    network: network({ options: { [OPTION.gatewayModeIPv4]: "nat-unprotected" } }),
    endpoint: endpoint(PORTS),
  },
  isolated: {
    title: "docker network create --internal --ipv6 -o ...gateway_mode_ipv4=isolated -o ...gateway_mode_ipv6=isolated",
    network: network({
      ...DUAL_STACK,
      internal: true,
      options: { [OPTION.gatewayModeIPv4]: "isolated", [OPTION.gatewayModeIPv6]: "isolated" },
    }),
    endpoint: endpoint({ ...DUAL_ADDRESSES, ...PORTS }),
  },
  "trusted-interfaces": {
    title: "docker network create -o com.docker.network.bridge.trusted_host_interfaces=eth1:wg0 backend",
    network: network({ options: { [OPTION.trustedInterfaces]: "eth1:wg0" } }),
  },
  "icc-off-link": {
    title: "docker run --link db on a network without icc",
    network: network({ options: { [OPTION.icc]: "false" } }),
    endpoint: endpoint({ links: [{ child: parseAddress("172.18.0.3"), protocol: "tcp", port: 5432 }] }),
  },
  "default-bridge": {
    title: "causewayd --mtu 9000 --icc=false --default-gateway 172.17.0.254",
    network: network(DEFAULT_BRIDGE),
    endpoint: endpoint({ addresses: [parsePrefix("172.17.0.2/16")] }),
    daemon: { mtu: 9000, icc: false, defaultGateways: [parseAddress("172.17.0.254")] },
  },
  "default-bridge-adopted": {
    title: "causewayd --bridge br0 --ip-masq=false",
    network: network(DEFAULT_BRIDGE),
    endpoint: endpoint({ addresses: [parsePrefix("172.17.0.2/16")] }),
    daemon: { defaultBridgeName: "br0", adoptDefaultBridge: true, masquerade: false },
  },
};

function describeScenario(scenario: Scenario): string {
  const driver = createBridgeDriver(scenario.daemon);
  const joined = scenario.endpoint ?? endpoint();
  driver.validate(scenario.network, []);
  return [
    `# ${scenario.title}`,
    "",
    "## the network",
    ...describeState(driver.networkState(scenario.network, NO_MEMBERS)),
    "",
    "## an endpoint",
    ...describeState(driver.endpointState(scenario.network, joined, PLACE)),
    describeJoin(driver.joinInfo(scenario.network, joined)),
    "",
  ].join("\n");
}

testGolden(FOLDER, SCENARIOS, describeScenario);
