/** What the bridge driver refuses and why, in Docker's words, and what it derives from ids. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatAddress, parseAddress } from "../../addr/ip-address.ts";
import { formatMac } from "../../addr/mac-address.ts";
import { EngineError } from "../../base/errors.ts";
import type { Driver } from "../driver.ts";
import { NO_MEMBERS, type NetworkIntent, type PublishedPort } from "../intent.ts";
import { bridgeLinkName, createBridgeDriver } from "./bridge-driver.ts";
import { vethName } from "./endpoint-state.ts";
import { endpoint, idOf, network, PLACE, pool } from "./intents.fixture.ts";
import { bridgeMac } from "./network-state.ts";
import { OPTION } from "./options.ts";

const driver = createBridgeDriver();

function refusal(candidate: NetworkIntent, ...existing: NetworkIntent[]): string {
  try {
    driver.validate(candidate, existing);
    return "accepted";
  } catch (error) {
    assert.ok(error instanceof EngineError, String(error));
    return `${error.code}: ${error.message}`;
  }
}

const withOption = (key: string, value: string): string => refusal(network({ options: { [key]: value } }));

const MALFORMED: readonly (readonly [string, string, string])[] = [
  [
    OPTION.mtu,
    "abc",
    'failed to parse com.docker.network.driver.mtu value: abc (strconv.Atoi: parsing "abc": invalid syntax)',
  ],
  [OPTION.mtu, "-3", "invalid MTU number: -3"],
  [
    OPTION.mtu,
    "1e3",
    'failed to parse com.docker.network.driver.mtu value: 1e3 (strconv.Atoi: parsing "1e3": invalid syntax)',
  ],
  [
    OPTION.icc,
    "maybe",
    'failed to parse com.docker.network.bridge.enable_icc value: maybe (strconv.ParseBool: parsing "maybe": invalid syntax)',
  ],
  [
    OPTION.masquerade,
    "",
    'failed to parse com.docker.network.bridge.enable_ip_masquerade value:  (strconv.ParseBool: parsing "": invalid syntax)',
  ],
  [OPTION.hostBinding, "abc", "failed to parse com.docker.network.bridge.host_binding_ipv4 value: abc (nil ip)"],
  [OPTION.hostIPv4, "fd00::1", "failed to parse com.docker.network.host_ipv4 value: fd00::1 (not an IPv4 address)"],
  [
    OPTION.gatewayModeIPv4,
    "x",
    "failed to parse com.docker.network.bridge.gateway_mode_ipv4 value: x (unknown gateway mode x)",
  ],
];

for (const [key, value, message] of MALFORMED)
  test(`${key}=${value} is refused with Docker's words`, () => {
    assert.equal(withOption(key, value), `invalid-argument: ${message}`);
  });

test("Go's spellings of true and false are accepted, and a label that nobody knows", () => {
  for (const value of ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"])
    assert.equal(withOption(OPTION.icc, value), "accepted");
  assert.equal(withOption("com.example.unknown", "x"), "accepted");
});

test("gateway modes are nat, nat-unprotected and routed, and isolated for internal networks", () => {
  for (const mode of ["", "nat", "nat-unprotected", "routed"])
    assert.equal(withOption(OPTION.gatewayModeIPv4, mode), "accepted", mode);
  const isolated = { [OPTION.gatewayModeIPv4]: "isolated" };
  assert.equal(
    refusal(network({ options: isolated })),
    "internal: gateway mode 'isolated' can only be used for an internal network",
  );
  assert.equal(refusal(network({ options: isolated, internal: true })), "accepted");
});

test("trusted interfaces are names with colons between them, and no patterns", () => {
  assert.equal(withOption(OPTION.trustedInterfaces, "eth1:vxlan.1:"), "accepted");
  assert.match(withOption(OPTION.trustedInterfaces, "eth+"), /^invalid-argument: .* "eth\+" names no link/);
});

test("ports are translated, or in routed mode reached directly, and on internal networks not published", () => {
  const dual = {
    enableIPv6: true,
    pools: [...network().pools, pool("fd00::/64", "fd00::1")],
    options: { [OPTION.gatewayModeIPv6]: "routed", [OPTION.hostBinding]: "192.0.2.7" },
  };
  assert.deepEqual(driver.publishing(network()), { modes: { 4: "translated", 6: "none" } });
  assert.deepEqual(driver.publishing(network(dual)), {
    modes: { 4: "translated", 6: "direct" },
    defaultHostAddress: parseAddress("192.0.2.7"),
  });
  assert.deepEqual(driver.publishing(network({ internal: true })).modes, { 4: "none", 6: "none" });
});

test("the daemon's --ip is the default bridge's alone", () => {
  const hostBinding = parseAddress("192.0.2.8");
  const daemon = createBridgeDriver({ hostBinding });
  assert.deepEqual(daemon.publishing(network({ predefined: true })).defaultHostAddress, hostBinding);
  assert.equal(daemon.publishing(network()).defaultHostAddress, undefined);
});

const PORT_80 = { first: 80, last: 80 };
const ON_EVERY_ADDRESS = {
  protocol: "tcp",
  hostAddress: parseAddress("0.0.0.0"),
  hostPorts: PORT_80,
  containerPorts: PORT_80,
} as const;

test("the bridge routes 127.0.0.0/8 only for ports that are published there, and never without a firewall", () => {
  const routes = (daemon: Driver, port: PublishedPort): boolean =>
    daemon
      .endpointState(network(), endpoint({ ports: [port] }), PLACE)
      .facts.some((fact) => fact.kind === "sysctl" && fact.key.endsWith("/route_localnet"));
  assert.ok(routes(driver, ON_EVERY_ADDRESS));
  assert.ok(routes(driver, { ...ON_EVERY_ADDRESS, hostAddress: parseAddress("127.0.0.1") }));
  assert.ok(!routes(driver, { ...ON_EVERY_ADDRESS, hostAddress: parseAddress("192.0.2.1") }));
  assert.ok(!routes(driver, { ...ON_EVERY_ADDRESS, hostAddress: parseAddress("::") }));
  assert.ok(!routes(createBridgeDriver({ filtered: false }), ON_EVERY_ADDRESS));
});

test("addresses are guarded where ports are translated and sources disguised, unless direct routing is wanted", () => {
  const guarded = (daemon: Driver, options: Readonly<Record<string, string>>, internal = false): boolean =>
    daemon
      .endpointState(network({ options, internal }), endpoint(), PLACE)
      .policies.some(({ kind }) => kind === "endpoint-guard");
  assert.ok(guarded(driver, {}));
  assert.ok(!guarded(driver, {}, true));
  assert.ok(!guarded(driver, { [OPTION.gatewayModeIPv4]: "routed" }));
  assert.ok(!guarded(driver, { [OPTION.gatewayModeIPv4]: "nat-unprotected" }));
  assert.ok(!guarded(driver, { [OPTION.masquerade]: "false" }));
  assert.ok(!guarded(createBridgeDriver({ allowDirectRouting: true }), {}));
});

test("bridge names that the kernel or the packet filter would misread are refused", () => {
  for (const name of ["a-name-of-16-byte", "a b", "br+", "-F", "a/b", 'a"b', "..", "a\n-F"])
    assert.match(withOption(OPTION.bridgeName, name), /^invalid-argument: invalid bridge name /, name);
  assert.equal(withOption(OPTION.bridgeName, "br-lan.10"), "accepted");
});

test("a network needs a family, and one pool per family", () => {
  assert.equal(refusal(network({ enableIPv4: false })), "invalid-argument: IPv4 or IPv6 must be enabled");
  assert.equal(refusal(network({ ipamDriver: "null" })), "invalid-argument: ipv4 pool is empty");
  const pools = [pool("10.1.0.0/24", "10.1.0.1"), pool("10.2.0.0/24", "10.2.0.1")];
  assert.equal(refusal(network({ pools })), "forbidden: bridge driver doesn't support multiple subnets");
});

test("networks must differ in bridge and subnets, and the refusal names both", () => {
  const other = network({ id: idOf("beef"), options: { [OPTION.bridgeName]: "br9" } });
  const [a, b] = [idOf("1a2b3c4d5e6f"), idOf("beef")];
  assert.equal(
    refusal(network({ options: { [OPTION.bridgeName]: "br9" } }), other),
    `forbidden: cannot create network ${a} (br9): conflicts with network ${b} (br9): networks have same bridge name`,
  );
  assert.equal(
    refusal(network({ pools: [pool("172.18.4.0/24", "172.18.4.1")] }), other),
    `forbidden: cannot create network ${a} (br-1a2b3c4d5e6f): conflicts with network ${b} (br9): networks have overlapping IPv4`,
  );
  assert.equal(refusal(network(), { ...other, pools: [pool("10.0.0.0/8", "10.0.0.1")] }), "accepted");
  assert.equal(refusal(network(), network({ driver: "overlay", id: b })), "accepted");
});

test("a network that is validated again does not clash with itself", () => {
  assert.equal(refusal(network(), network()), "accepted");
});

test("names and the MAC come from ids and so survive a restart", () => {
  assert.equal(bridgeLinkName(network()), "br-1a2b3c4d5e6f");
  assert.equal(bridgeLinkName(network({ predefined: true })), "docker0");
  assert.equal(vethName(idOf("e0d1c2b3a4")), "vethe0d1c2b");
  assert.equal(formatMac(bridgeMac(idOf("1a2b3c4d5e6f"))), "02:42:1a:2b:3c:4d");
});

test("a gateway is offered only to endpoints with an address of its family", () => {
  const dual = network({ enableIPv6: true, pools: [...network().pools, pool("fd00::/64", "fd00::1")] });
  assert.deepEqual(driver.joinInfo(dual, endpoint()).gateways.map(formatAddress), ["172.18.0.1"]);
});

test("the auxiliary address DefaultGatewayIPv4 replaces the gateway that containers use, not the bridge's address", () => {
  const auxiliary = { DefaultGatewayIPv4: parseAddress("172.18.0.9") };
  const routed = network({ pools: [pool("172.18.0.0/16", "172.18.0.1", auxiliary)] });
  assert.deepEqual(driver.joinInfo(routed, endpoint()).gateways.map(formatAddress), ["172.18.0.9"]);
  assert.ok(
    driver
      .networkState(routed, NO_MEMBERS)
      .facts.some((fact) => fact.kind === "address" && formatAddress(fact.address.address) === "172.18.0.1"),
  );
});

test("whatever the options say, validation answers with an EngineError or accepts", () => {
  const options = fc.dictionary(
    fc.constantFrom(...Object.values(OPTION)),
    fc.oneof(fc.string(), fc.constantFrom("true", "0", "nat")),
  );
  fc.assert(
    fc.property(options, (labels) => {
      refusal(network({ options: labels }));
    }),
  );
});

test("the settings of a network that exists are read once, however many are compared with it", () => {
  let reads = 0;
  const numbered = (n: number): NetworkIntent =>
    network({ id: idOf(`a${n}`), pools: [pool(`10.${n}.0.0/16`, `10.${n}.0.1`)] });
  const watched = Object.defineProperty({ ...numbered(1) }, "options", { get: () => (reads++, {}) });
  const own = createBridgeDriver();
  own.validate(numbered(2), [watched]);
  const first = reads;
  for (let n = 3; n < 10; n++) own.validate(numbered(n), [watched]);
  assert.ok(first > 0);
  assert.equal(reads, first);
});
