/** What the overlay driver refuses and why, in Docker's words, what it names things, and that it says the same twice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../addr/ip-address.ts";
import { parseMac } from "../../addr/mac-address.ts";
import { formatMac } from "../../addr/mac-address.ts";
import { EngineError } from "../../base/errors.ts";
import type { KernelFact } from "../../kernel/facts.ts";
import type { NetworkIntent } from "../intent.ts";
import { endpoint, idOf, network, overlayPool, peer } from "./intents.fixture.ts";
import { OPTION } from "./options.ts";
import { createOverlayDriver, networkNamespaceName, peerAnnouncements } from "./overlay-driver.ts";

const on = (advertise: string) =>
  createOverlayDriver({ namespaceDirectory: "/run/netns", advertise: parseAddress(advertise) });
const driver = on("192.0.2.1");

const REFUSALS: readonly (readonly [string, Partial<NetworkIntent>, string, string])[] = [
  [
    "encryption",
    { options: { encrypted: "" } },
    "forbidden",
    "cannot join secure network: encryption keys not present",
  ],
  [
    "host mode",
    { options: { [OPTION.hostMode]: "true" } },
    "forbidden",
    "com.docker.network.driver.overlay.hostmode: overlay networks live in namespaces of their own here, never in the host's; leave the option out",
  ],
  ["an MTU below zero", { options: { [OPTION.mtu]: "-1" } }, "invalid-argument", "invalid MTU value: -1"],
  [
    "an MTU that is no number",
    { options: { [OPTION.mtu]: "much" } },
    "invalid-argument",
    'failed to parse much: strconv.Atoi: parsing "much": invalid syntax',
  ],
  [
    "an MTU too small for a packet",
    { options: { [OPTION.mtu]: "100" } },
    "invalid-argument",
    "invalid MTU value: tunnels leave 50 bytes of it for a packet, and IPv4 needs 68",
  ],
  [
    "an MTU too small for IPv6",
    { enableIPv6: true, options: { [OPTION.mtu]: "1300" } },
    "invalid-argument",
    "invalid MTU value: tunnels leave 1250 bytes of it for a packet, and IPv6 needs 1280",
  ],
  [
    "a VXLAN id that is no number",
    { options: { [OPTION.vxlanIds]: "7,x" } },
    "invalid-argument",
    'invalid vxlan id value "x" passed',
  ],
  [
    "a VXLAN id of 25 bits",
    { options: { [OPTION.vxlanIds]: "16777216" } },
    "invalid-argument",
    'invalid vxlan id value "16777216" passed',
  ],
  [
    "a VXLAN id twice",
    { options: { [OPTION.vxlanIds]: "7,7" } },
    "invalid-argument",
    'com.docker.network.driver.overlay.vxlanid_list: a vxlan id is named twice in "7,7"',
  ],
  [
    "fewer VXLAN ids than subnets",
    {
      options: { [OPTION.vxlanIds]: "7" },
      pools: [overlayPool("10.0.0.0/24", "10.0.0.1", 7), overlayPool("10.0.1.0/24", "10.0.1.1", 8)],
    },
    "invalid-argument",
    "insufficient vnis(1) passed to overlay",
  ],
  ["no address management", { ipamDriver: "null" }, "invalid-argument", "ipv4 pool is empty"],
  ["no family", { enableIPv4: false }, "invalid-argument", "IPv4 or IPv6 must be enabled"],
];

for (const [what, rest, code, message] of REFUSALS)
  test(`${what} is refused`, () => {
    assert.throws(() => driver.validate(network(rest), []), { code, message });
  });

test("a VXLAN id of another network is refused, the network's own is not", () => {
  const wanted = network({ options: { [OPTION.vxlanIds]: "256" } });
  const other = network({ id: idOf("feed"), name: "old" });
  assert.throws(
    () => driver.validate(wanted, [other]),
    new EngineError("forbidden", "vxlan id 256 is that of network old"),
  );
  driver.validate(wanted, [network()]);
});

test("chosen VXLAN ids go to the pools in order, the rest is left to the cluster", () => {
  const pools = [overlayPool("10.0.0.0/24", "10.0.0.1", 1), overlayPool("10.0.1.0/24", "10.0.1.1", 2)];
  assert.deepEqual(driver.vxlanIds?.(network({ pools })), [undefined, undefined]);
  assert.deepEqual(driver.vxlanIds?.(network({ pools, options: { [OPTION.vxlanIds]: "70,71,72" } })), [70, 71]);
});

test("a network's namespace has twelve characters and is no sandbox's", () => {
  assert.equal(networkNamespaceName(network().id), "1-1a2b3c4d5e");
});

test("the gateway's MAC differs from host to host and stays with it", () => {
  const macs = ["192.0.2.1", "192.0.2.2", "192.0.2.1"].map((advertise) => {
    const { facts } = on(advertise).networkState(network(), { local: [endpoint(1)], peers: [] });
    const bridge = facts.find((fact) => fact.kind === "link" && fact.name === "br0");
    assert.ok(bridge?.kind === "link" && bridge.mac);
    return formatMac(bridge.mac);
  });
  assert.notEqual(macs[0], macs[1]);
  assert.equal(macs[0], macs[2]);
});

const C1 = endpoint(1);
const factsWith = (...peers: Parameters<typeof peer>[0][]): readonly KernelFact[] =>
  driver.networkState(NETWORK, { local: [C1], peers: peers.map((one) => peer(one, "192.0.2.2")) }).facts;
const NETWORK = network();

test("what did not change is the same fact, by identity", () => {
  const [one, two] = [peer(endpoint(2), "192.0.2.2"), peer(endpoint(3), "192.0.2.3")];
  const before = driver.networkState(NETWORK, { local: [C1], peers: [one] }).facts;
  const after = new Set(driver.networkState(NETWORK, { local: [C1, endpoint(4)], peers: [two, one] }).facts);
  assert.ok(before.every((fact) => after.has(fact)));
});

test("peers that are new or changed their station are announced on their bridge, others are not", () => {
  const moved = endpoint(2, { mac: parseMac("02:00:00:00:00:77") });
  const said = peerAnnouncements(factsWith(endpoint(2), endpoint(3)), factsWith(moved, endpoint(3), endpoint(4)));
  assert.equal(said?.namespace, "/run/netns/1-1a2b3c4d5e");
  assert.deepEqual(said.announcements, [
    { link: "br0", mac: moved.mac, addresses: [parseAddress("10.0.0.12")] },
    { link: "br0", mac: endpoint(4).mac, addresses: [parseAddress("10.0.0.14")] },
  ]);
});

test("nothing is announced when nobody is new, when peers only go, or when the network is new on this host", () => {
  const both = factsWith(endpoint(2), endpoint(3));
  assert.equal(peerAnnouncements(both, factsWith(endpoint(2), endpoint(3))), undefined);
  assert.equal(peerAnnouncements(both, factsWith(endpoint(2))), undefined);
  assert.equal(peerAnnouncements([], both), undefined);
  assert.equal(peerAnnouncements(both, []), undefined);
});
