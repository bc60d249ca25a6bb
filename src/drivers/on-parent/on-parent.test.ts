/** macvlan and ipvlan as pure functions: what their networks and endpoints need, and what is refused in Docker's words. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../addr/ip-address.ts";
import { parsePrefix } from "../../addr/prefix.ts";
import { HOST } from "../../kernel/facts.ts";
import { endpoint, idOf, network as bridgeNetwork, PLACE, pool } from "../bridge/intents.fixture.ts";
import { describeState } from "../describe-state.fixture.ts";
import { NO_MEMBERS, type EndpointIntent, type NetworkIntent } from "../intent.ts";
import { createIpvlanDriver } from "../ipvlan/ipvlan-driver.ts";
import { createMacvlanDriver } from "../macvlan/macvlan-driver.ts";

const macvlan = createMacvlanDriver();
const ipvlan = createIpvlanDriver();
const ALIAS = `alias causeway:${idOf("1a2b3c4d5e6f")}`;

function network(driver: string, options: NetworkIntent["options"], rest: Partial<NetworkIntent> = {}): NetworkIntent {
  return bridgeNetwork({ driver, options, ...rest });
}

const state = (driver: typeof macvlan, options: NetworkIntent["options"]): readonly string[] =>
  describeState(driver.networkState(network(driver.name, options), NO_MEMBERS));

test("a parent is used as it is, VLAN 10 of it made where it is missing, and a dummy stands in for none", () => {
  assert.deepEqual(macvlan.networkState(network("macvlan", { parent: "eth1" }), NO_MEMBERS), {
    facts: [],
    policies: [],
  });
  const common = { kind: "link", namespace: HOST, up: true, alias: `causeway:${idOf("1a2b3c4d5e6f")}` };
  assert.deepEqual(macvlan.networkState(network("macvlan", { parent: "eth1.10" }), NO_MEMBERS).facts, [
    { ...common, name: "eth1.10", device: { type: "vlan", parent: "eth1", id: 10 }, adopt: true },
  ]);
  for (const odd of ["eth1.0", "eth1.4095", "eth1.x", "eth1.1.2", ".5"])
    assert.deepEqual(macvlan.networkState(network("macvlan", { parent: odd }), NO_MEMBERS).facts, [], odd);
  assert.deepEqual(state(macvlan, {}), [`link dm-1a2b3c4d5e6f in host: dummy; up ${ALIAS}`]);
  assert.deepEqual(state(ipvlan, { parent: "" }), [`link di-1a2b3c4d5e6f in host: dummy; up ${ALIAS}`]);
});

test("an endpoint is a link on the parent, made inside under its name, with its addresses", () => {
  const of = (driver: typeof macvlan, options: NetworkIntent["options"], rest: Partial<EndpointIntent> = {}) =>
    driver.endpointState(network(driver.name, options), endpoint(rest), PLACE).facts;
  const [link, ...addresses] = of(macvlan, { parent: "eth1" }, { linkLocal: [parseAddress("169.254.8.8")] });
  const { namespace, interfaceName: name } = PLACE;
  const common = { kind: "link", namespace, name, up: true, alias: `causeway:${endpoint().id}` };
  const parent = { parent: "eth1", parentNamespace: HOST };
  assert.deepEqual(link, { ...common, device: { type: "macvlan", ...parent, mode: "bridge" }, mac: endpoint().mac });
  assert.deepEqual(addresses, [
    { kind: "address", namespace, link: "eth0", address: parsePrefix("172.18.0.2/16") },
    { kind: "address", namespace, link: "eth0", address: parsePrefix("169.254.8.8/16") },
  ]);
  const { mac: _drawn, ...unnamed } = endpoint();
  const [shared] = ipvlan.endpointState(network("ipvlan", { parent: "eth1" }), unnamed, PLACE).facts;
  assert.deepEqual(shared, { ...common, device: { type: "ipvlan", ...parent, mode: "l2", flag: "bridge" } });
  const [routed] = of(ipvlan, { parent: "eth1", ipvlan_mode: "l3s", ipvlan_flag: "vepa" });
  assert.deepEqual(routed?.kind === "link" && routed.device, { type: "ipvlan", ...parent, mode: "l3s", flag: "vepa" });
});

test("the way out is the gateway of the endpoint's subnet, in mode l3 the interface, and none without a parent", () => {
  const pools = [
    pool("172.18.0.0/16", "172.18.0.1"),
    pool("172.19.0.0/16", "172.19.0.1"),
    pool("fd00::/64", "fd00::1"),
  ];
  const addresses = [parsePrefix("172.19.0.2/16"), parsePrefix("fd00::2/64")];
  const join = (driver: typeof macvlan, options: NetworkIntent["options"], internal = false) =>
    driver.joinInfo(network(driver.name, options, { pools, internal }), endpoint({ addresses }));
  const info = { interfacePrefix: "eth", routes: [] };
  const gateways = [parseAddress("172.19.0.1"), parseAddress("fd00::1")];
  assert.deepEqual(join(macvlan, { parent: "eth1" }), { ...info, gateways });
  assert.deepEqual(join(ipvlan, { parent: "eth1" }), { ...info, gateways });
  for (const mode of ["l3", "l3s"])
    assert.deepEqual(join(ipvlan, { parent: "eth1", ipvlan_mode: mode }), {
      ...info,
      gateways: [],
      deviceRoutes: [4, 6],
    });
  assert.deepEqual(join(ipvlan, { parent: "eth1", ipvlan_mode: "l3" }, true), { ...info, gateways: [] });
  assert.deepEqual(join(macvlan, { parent: "eth1" }, true), { ...info, gateways: [] });
  assert.deepEqual(join(macvlan, {}), { ...info, gateways: [] });
});

test("no gateway is leased where none is used", () => {
  const skips = (driver: typeof macvlan, options: NetworkIntent["options"], internal = false): boolean | undefined =>
    driver.skipsGateway?.(network(driver.name, options, { internal }));
  const parent = { parent: "eth1" };
  assert.deepEqual([skips(macvlan, parent), skips(macvlan, parent, true), skips(macvlan, {})], [false, true, true]);
  assert.deepEqual([skips(ipvlan, parent), skips(ipvlan, { ...parent, ipvlan_mode: "l3" })], [false, true]);
});

test("options are refused in Docker's words", () => {
  const cases: readonly [NetworkIntent, string][] = [
    [
      network("macvlan", { macvlan_mode: "l2" }),
      "requested macvlan mode 'l2' is not valid, 'bridge' mode is the macvlan driver default",
    ],
    [network("macvlan", { parent: "lo" }), "loopback interface is not a valid macvlan parent link"],
    [
      network("ipvlan", { ipvlan_mode: "l4" }),
      "requested ipvlan mode 'l4' is not valid, 'l2' mode is the ipvlan driver default",
    ],
    [
      network("ipvlan", { ipvlan_flag: "x" }),
      "requested ipvlan flag 'x' is not valid, 'bridge' is the ipvlan driver default",
    ],
    [network("ipvlan", { parent: "lo" }), "loopback interface is not a valid ipvlan parent link"],
    [network("macvlan", {}, { ipamDriver: "null" }), "ipv4 pool is empty"],
    [network("ipvlan", {}, { ipamDriver: "null", enableIPv4: false, enableIPv6: true }), "ipv6 pool is empty"],
  ];
  for (const [asked, message] of cases) {
    const driver = asked.driver === "macvlan" ? macvlan : ipvlan;
    assert.throws(() => driver.validate(asked, []), { message }, message);
  }
});

test("macvlan networks share a parent unless one has mode passthru; ipvlan networks never do", () => {
  const id = idOf("ffff");
  const parent = { parent: "eth1" };
  const passthru = { ...parent, macvlan_mode: "passthru" };
  const check = (asked: NetworkIntent["options"], there: NetworkIntent["options"]): void =>
    macvlan.validate(network("macvlan", asked), [network("macvlan", there, { id })]);
  check(parent, parent);
  check(passthru, { parent: "eth2" });
  check({}, {});
  const using = `macvlan network ${id} is already using parent interface eth1`;
  assert.throws(() => check(passthru, parent), { message: `cannot use mode passthru, ${using}` });
  assert.throws(() => check(parent, passthru), { message: `${using} in mode passthru` });
  const other = network("ipvlan", parent, { id });
  assert.throws(() => ipvlan.validate(network("ipvlan", parent), [other]), {
    message: "network di-ffff00000000 is already using parent interface eth1",
  });
  ipvlan.validate(network("ipvlan", parent), [network("macvlan", parent, { id }), { ...other, configOnly: true }]);
});

test("a parent that the host lacks and that cannot be made is refused in Docker's words", () => {
  const links = new Set(["lo", "eth1", "odd.name"]);
  const check = (parent: string): void => macvlan.checkHost?.(network("macvlan", { parent }), links);
  for (const fine of ["", "eth1", "eth1.10", "odd.name"]) check(fine);
  const cases = [
    ["eth9", "invalid subinterface vlan name eth9, example formatting is eth0.10"],
    ["eth1.1.2", "required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received eth1.1.2"],
    ["eth1.ten", "unable to parse a valid vlan id from: ten (ex. eth0.10 for vlan 10)"],
    ["eth9.10", "-o parent interface was not found on the host: eth9"],
    ["eth1.0", "vlan id must be between 1-4094, received: 0"],
    ["eth1.4095", "vlan id must be between 1-4094, received: 4095"],
  ] as const;
  for (const [parent, message] of cases) assert.throws(() => check(parent), { message }, message);
});
