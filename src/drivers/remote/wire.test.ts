/** Requests as dockerd 20.10 sends them (recorded from it), and answers turned into intents or refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../addr/ip-address.ts";
import { parseMac } from "../../addr/mac-address.ts";
import { parsePrefix } from "../../addr/prefix.ts";
import { EngineError } from "../../base/errors.ts";
import type { EndpointIntent, NetworkIntent } from "../intent.ts";
import type { Joined } from "./protocol/network-driver.ts";
import { plugged, withInterface } from "./wire-answers.ts";
import { newEndpoint, newNetwork, portOptions } from "./wire-requests.ts";

const network: NetworkIntent = {
  id: "n",
  name: "gnet",
  driver: "plug",
  createdNs: 0n,
  scope: "local",
  enableIPv4: true,
  enableIPv6: false,
  internal: false,
  attachable: false,
  ingress: false,
  configOnly: false,
  options: { k: "v" },
  labels: { l: "1" },
  ipamDriver: "plug",
  pools: [
    {
      poolId: "pool1",
      family: 4,
      subnet: parsePrefix("10.50.0.0/24"),
      gateway: parseAddress("10.50.0.7"),
      auxiliary: { r: parseAddress("10.50.0.9") },
    },
  ],
  predefined: false,
};

const endpoint: EndpointIntent = {
  id: "e",
  networkId: "n",
  name: "g1",
  addresses: [parsePrefix("10.50.0.2/24")],
  linkLocal: [],
  dnsNames: ["g1"],
  privateAliases: {},
  options: {},
  gatewayPriority: 0,
  ports: [],
  links: [],
};

const asSent = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test("a network is told as dockerd tells it", () => {
  const recorded =
    '{"NetworkID":"n","Options":{"com.docker.network.enable_ipv6":false,"com.docker.network.generic":{"k":"v"}},' +
    '"IPv4Data":[{"AddressSpace":"L","AuxAddresses":{"r":"10.50.0.9/24"},"Gateway":"10.50.0.7/24","Pool":"10.50.0.0/24"}],' +
    '"IPv6Data":[]}';
  assert.equal(JSON.stringify(newNetwork(network, "L")), recorded);
  const { Options } = newNetwork({ ...network, enableIPv4: false, enableIPv6: true, internal: true }, "L");
  assert.deepEqual(Options, {
    "com.docker.network.enable_ipv4": false,
    "com.docker.network.enable_ipv6": true,
    "com.docker.network.generic": { k: "v" },
    "com.docker.network.internal": true,
  });
});

test("an endpoint and its ports are told as dockerd tells them", () => {
  const ports = {
    exposed: [
      { protocol: "tcp", port: 99 },
      { protocol: "udp", port: 80 },
    ],
    mappings: [{ protocol: "tcp", containerPort: 80, hostPort: 8080, hostPortEnd: 8081 }],
  } as const;
  const options =
    '{"com.docker.network.endpoint.exposedports":[{"Proto":6,"Port":99},{"Proto":17,"Port":80}],' +
    '"com.docker.network.portmap":[{"Proto":6,"IP":"","Port":80,"HostIP":"","HostPort":8080,"HostPortEnd":8081}]}';
  assert.equal(JSON.stringify(portOptions(ports)), options);
  const recorded = `{"NetworkID":"n","EndpointID":"e","Interface":{"Address":"10.50.0.2/24","AddressIPv6":"","MacAddress":""},"Options":${options}}`;
  assert.deepEqual(asSent(newEndpoint(endpoint, ports)), JSON.parse(recorded));
  const mapping = {
    protocol: "sctp",
    containerPort: 1,
    hostPort: 0,
    hostPortEnd: 0,
    hostAddress: parseAddress("127.0.0.1"),
  } as const;
  const told = portOptions({ exposed: [], mappings: [mapping] })["com.docker.network.portmap"];
  assert.deepEqual(told, [{ Proto: 132, IP: "", Port: 1, HostIP: "127.0.0.1", HostPort: 0, HostPortEnd: 0 }]);
  const both = {
    ...endpoint,
    mac: parseMac("02:00:00:00:00:05"),
    addresses: [...endpoint.addresses, parsePrefix("fd00::2/64")],
  };
  const { Interface, Options } = newEndpoint({ ...both, options: { a: "b" } }, undefined);
  assert.deepEqual(Interface, { Address: "10.50.0.2/24", AddressIPv6: "fd00::2/64", MacAddress: "02:00:00:00:00:05" });
  assert.deepEqual(Options, { a: "b" });
});

test("a plugin gives what nobody decided, and nothing else", () => {
  assert.equal(withInterface(endpoint, {}), endpoint);
  const given = withInterface(
    { ...endpoint, addresses: [] },
    { Interface: { Address: "10.0.0.9/8", AddressIPv6: "fd00::9/64", MacAddress: "02:00:00:00:00:09" } },
  );
  assert.deepEqual(given.addresses, [parsePrefix("10.0.0.9/8"), parsePrefix("fd00::9/64")]);
  assert.deepEqual(given.mac, parseMac("02:00:00:00:00:09"));
  const withMac = { ...endpoint, mac: parseMac("02:00:00:00:00:05") };
  const cases: readonly (readonly [EndpointIntent, object, RegExp])[] = [
    [endpoint, { Address: "10.50.0.3/24" }, /^driver modified interface address: /],
    [withMac, { MacAddress: "02:00:00:00:00:06" }, /^driver modified interface MAC address: /],
    [
      { ...endpoint, addresses: [] },
      { Address: "10.0.0.1/8", AddressIPv6: "10.0.0.2/8" },
      /^driver modified interface address: /,
    ],
    [endpoint, { Address: "rubbish" }, /^invalid CIDR address: rubbish$/],
    [endpoint, { MacAddress: "rubbish" }, /^address rubbish: invalid MAC address$/],
  ];
  for (const [intent, Interface, message] of cases) {
    assert.throws(
      () => withInterface(intent, { Interface }),
      (error) => error instanceof EngineError && message.test(error.message),
    );
  }
});

test("what a plugin says of its interface becomes an intent, or is refused", () => {
  assert.deepEqual(plugged({}), { prefix: "", gateways: [], routes: [], disableGatewayService: false });
  const joined: Joined = {
    InterfaceName: { SrcName: "pc1", DstPrefix: "eth" },
    Gateway: "10.50.0.1",
    GatewayIPv6: "fe80::1",
    StaticRoutes: [
      { Destination: "10.99.0.0/24", RouteType: 1, NextHop: "ignored" },
      { Destination: "10.98.0.0/24", RouteType: 0, NextHop: "10.50.0.3" },
    ],
    DisableGatewayService: true,
  };
  assert.deepEqual(plugged(joined), {
    sourceName: "pc1",
    prefix: "eth",
    gateways: [parseAddress("10.50.0.1"), parseAddress("fe80::1")],
    routes: [
      { destination: parsePrefix("10.99.0.0/24") },
      { destination: parsePrefix("10.98.0.0/24"), gateway: parseAddress("10.50.0.3") },
    ],
    disableGatewayService: true,
  });
  const refused: readonly (readonly [Joined, string])[] = [
    [{ InterfaceName: { SrcName: "../x", DstPrefix: "eth" } }, 'invalid interface name "../x"'],
    [{ InterfaceName: { SrcName: "x".repeat(16), DstPrefix: "eth" } }, `invalid interface name "${"x".repeat(16)}"`],
    [{ InterfaceName: { SrcName: "a", DstPrefix: "e th" } }, 'invalid interface prefix "e th"'],
    [{ Gateway: "nobody" }, 'unable to parse Gateway "nobody"'],
    [{ Gateway: "fd00::1" }, 'unable to parse Gateway "fd00::1": not an IPv4 address'],
    [{ GatewayIPv6: "10.0.0.1" }, 'unable to parse GatewayIPv6 "10.0.0.1": not an IPv6 address'],
    [{ StaticRoutes: [{ Destination: "x", RouteType: 0 }] }, "invalid CIDR address: x"],
    [{ StaticRoutes: [{ Destination: "10.0.0.0/8", RouteType: 7 }] }, "unknown route type 7"],
    [{ StaticRoutes: [{ Destination: "10.0.0.0/8", RouteType: 0 }] }, "failed to parse nexthop IP "],
    [
      { StaticRoutes: [{ Destination: "10.0.0.0/8", RouteType: 0, NextHop: "fd00::1" }] },
      "route 10.0.0.0/8: next hop fd00::1 is of another address family",
    ],
    [
      { StaticRoutes: Array.from({ length: 2000 }, () => ({ Destination: "10.0.0.0/8", RouteType: 1 })) },
      "2000 static routes, more than 1024",
    ],
  ];
  for (const [answer, message] of refused) assert.throws(() => plugged(answer), { message });
});
