/** Our encoders against what iproute2 sends: the same bytes, or, where the order differs, the same attributes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../addr/ip-address.ts";
import { parseMac } from "../../addr/mac-address.ts";
import { parsePrefix } from "../../addr/prefix.ts";
import { HOST, type Device, type LinkFact } from "../facts.ts";
import { goldenMessages } from "../goldens/read-goldens.ts";
import { decodeAttributeList, u32Attribute } from "../netlink/attribute.ts";
import { IFLA, IFLA_INFO, IFLA_VXLAN, VETH_INFO } from "../uapi/if-link.ts";
import { encodeNewAddress, encodeOldAddress } from "./address.ts";
import { createAttributes, hairpinAttributes, type LinkHandles } from "./link-attributes.ts";
import { encodeLink } from "./link.ts";
import { encodeForwarding, encodeNeighbour } from "./neighbour.ts";
import { encodeNewRoute, encodeOldRoute } from "./route.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function golden(command: string): Uint8Array {
  const [message] = goldenMessages("requests", command);
  assert.ok(message);
  return message.payload;
}

/** Attributes by type, those within attributes too; `nested` says which those are and behind how many bytes. */
function tree(bytes: Uint8Array, nested: Readonly<Record<string, number>>, path = ""): Record<string, unknown> {
  const entries = decodeAttributeList(bytes).map(({ type, value }): [string, unknown] => {
    const here = `${path}/${type}`;
    const head = nested[here];
    if (head === undefined) return [here, hex(value)];
    return [here, { head: hex(value.subarray(0, head)), in: tree(value.subarray(head), nested, here) }];
  });
  return Object.fromEntries(entries);
}

const INFO = `/${IFLA.LINKINFO}`;
const DATA = `${INFO}/${IFLA_INFO.DATA}`;
const PEER = `${DATA}/${VETH_INFO.PEER}`;

function linkTree(payload: Uint8Array, nested: Readonly<Record<string, number>> = {}): unknown {
  const head = hex(payload.subarray(0, 16));
  return { head, in: tree(payload.subarray(16), { [INFO]: 0, [DATA]: 0, ...nested }) };
}

function create(name: string, device: Device, extra: Partial<LinkFact> & { handles?: LinkHandles } = {}): Uint8Array {
  const { handles = {}, ...attributes } = extra;
  const fact: LinkFact = { kind: "link", namespace: HOST, name, device, up: false, ...attributes };
  return encodeLink({}, createAttributes(fact, handles));
}

test("a bridge is made with the bytes of iproute2", () => {
  assert.equal(hex(create("br0", { type: "bridge" })), hex(golden("ip link add br0")));
});

test("a veth pair is made with the attributes of iproute2, its peer in the other namespace", () => {
  const mac = parseMac("02:42:ac:12:00:02");
  const peer = { namespace: "/n1", name: "eth0", mac: parseMac("02:42:ac:12:00:03"), mtu: 1400, up: true };
  const handles = { peerNamespaceFd: 5 };
  const payload = create("v0", { type: "veth", peer }, { mac, mtu: 1400, handles });
  const theirs = linkTree(golden("ip link add v0"), { [PEER]: 16 });
  // The descriptor is whatever iproute2 had at that time.
  const descriptor = new RegExp(`("${PEER}/${IFLA.NET_NS_FD}":)"[0-9a-f]{8}"`);
  const same = (value: unknown): string => JSON.stringify(value).replace(descriptor, '$1"fd"');
  assert.match(JSON.stringify(theirs), descriptor);
  assert.deepEqual(JSON.parse(same(linkTree(payload, { [PEER]: 16 }))), JSON.parse(same(theirs)));
});

test("a VXLAN is made with the attributes of iproute2 that say what we mean", () => {
  const local = parseAddress("127.0.0.1");
  const payload = create("vx0", { type: "vxlan", vni: 42, port: 4789, local, learning: true, proxy: true });
  assert.deepEqual(linkTree(payload), linkTree(golden("ip link add vx0")));
  assert.equal(IFLA_VXLAN.ID, 1);
});

test("a macvlan is made with the bytes of iproute2", () => {
  const device = { type: "macvlan", parent: "br0", parentNamespace: HOST, mode: "bridge" } as const;
  assert.deepEqual(
    linkTree(create("mv0", device, { handles: { parentIndex: 2 } })),
    linkTree(golden("ip link add mv0")),
  );
});

test("an ipvlan, an 802.1Q link and a dummy are made with the bytes of iproute2", () => {
  const ipvlan = { type: "ipvlan", parent: "br0", parentNamespace: HOST, mode: "l3s", flag: "vepa" } as const;
  const handles = { parentIndex: 2 };
  const same = (payload: Uint8Array, command: string): void =>
    assert.deepEqual(linkTree(payload), linkTree(golden(command)));
  same(create("iv0", ipvlan, { handles }), "ip link add iv0");
  same(create("br0.10", { type: "vlan", parent: "br0", id: 10 }, { handles }), "ip link add name br0.10");
  same(create("dm0", { type: "dummy" }), "ip link add dm0");
});

test("links are changed and removed with the bytes of iproute2", () => {
  const same = (payload: Uint8Array, command: string): void => assert.equal(hex(payload), hex(golden(command)));
  same(encodeLink({ index: 3 }, [u32Attribute(IFLA.MASTER, 2)]), "ip link set v0 master");
  same(encodeLink({ index: 3, up: true }, []), "ip link set v0 up");
  same(encodeLink({ index: 3 }, []), "ip link del v0");
  same(encodeLink({ family: 7, index: 3 }, hairpinAttributes(true)), "bridge link set");
  const alias = { type: IFLA.IFALIAS, value: new TextEncoder().encode("causeway:x") };
  same(encodeLink({ index: 2 }, [alias]), "ip link set br0 alias");
});

test("addresses have the bytes of iproute2: broadcast where there is room, IPv6 without duplicate detection", () => {
  const same = (payload: Uint8Array, command: string): void => assert.equal(hex(payload), hex(golden(command)));
  same(encodeNewAddress(2, parsePrefix("172.18.0.1/16")), "ip addr replace 172.18.0.1/16");
  same(encodeNewAddress(2, parsePrefix("172.18.0.2/31")), "ip addr replace 172.18.0.2/31");
  same(encodeNewAddress(2, parsePrefix("fd00::1/64")), "ip addr replace fd00::1/64");
  same(encodeOldAddress(2, parsePrefix("172.18.0.1/16")), "ip addr del");
});

test("routes have the bytes of iproute2", () => {
  const same = (payload: Uint8Array, command: string): void => assert.equal(hex(payload), hex(golden(command)));
  const direct = { destination: parsePrefix("10.9.0.0/16"), index: 2 };
  const everywhere = { destination: parsePrefix("0.0.0.0/0"), gateway: parseAddress("172.18.0.9"), index: 2 };
  const far = { destination: parsePrefix("fd01::/64"), gateway: parseAddress("fd00::9"), index: 2 };
  same(encodeNewRoute(everywhere), "ip route replace default");
  same(encodeNewRoute(direct), "ip route replace 10.9.0.0/16");
  same(encodeNewRoute(far), "ip route replace fd01::/64");
  same(encodeOldRoute(direct), "ip route del");
});

test("neighbours and forwarding entries have the bytes of iproute2", () => {
  const same = (payload: Uint8Array, command: string): void => assert.equal(hex(payload), hex(golden(command)));
  const address = parseAddress("172.18.0.7");
  const mac = parseMac("02:42:ac:12:00:07");
  same(encodeNeighbour(2, address, mac), "ip neigh replace");
  same(encodeNeighbour(2, address), "ip neigh del");
  same(encodeForwarding(4, mac, parseAddress("127.0.0.9")), "bridge fdb replace");
  same(encodeForwarding(4, mac, parseAddress("127.0.0.9")), "bridge fdb del");
});
