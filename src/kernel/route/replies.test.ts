/** Our decoders on what the kernel answered iproute2, and on bytes that no kernel sends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatAddress } from "../../addr/ip-address.ts";
import { formatMac } from "../../addr/mac-address.ts";
import { formatPrefix } from "../../addr/prefix.ts";
import { WireError } from "../../wire/byte-reader.ts";
import { goldenMessages, readGoldens } from "../goldens/read-goldens.ts";
import { decodeAcknowledgement, decodeMessages, type Message } from "../netlink/message.ts";
import { MACVLAN_MODE } from "../uapi/if-link.ts";
import { NLMSG } from "../uapi/netlink.ts";
import { RTM } from "../uapi/rtnetlink.ts";
import { decodeAddress } from "./address.ts";
import { decodeLink, type LinkMessage } from "./link.ts";
import { decodeNamespaceId } from "./namespace-id.ts";
import { decodeNeighbour } from "./neighbour.ts";
import { decodeRoute } from "./route.ts";

const payloads = (command: string, type: number): readonly Uint8Array[] =>
  goldenMessages("replies", command)
    .filter((message) => message.type === type)
    .map((message) => message.payload);

function link(name: string): LinkMessage {
  const links = payloads(`ip -d link show dev ${name}`, RTM.NEWLINK).map(decodeLink);
  const found = links.findLast((candidate) => candidate.name === name);
  assert.ok(found);
  return found;
}

test("a veth that is a bridge's port is read with its MAC, MTU, alias, master and hairpin", () => {
  const { index, mac, mtu, alias, masterIndex, hairpin, up, kind } = link("v0");
  assert.deepEqual([index, mtu, alias, masterIndex, hairpin, up, kind], [3, 1400, "causeway:x", 2, true, true, "veth"]);
  assert.equal(mac && formatMac(mac), "02:42:ac:12:00:02");
});

test("a VXLAN is read with its number, port, address and flags", () => {
  const { vxlan } = link("vx0");
  assert.ok(vxlan?.local);
  assert.deepEqual(
    { ...vxlan, local: formatAddress(vxlan.local) },
    {
      vni: 42,
      port: 4789,
      local: "127.0.0.1",
      learning: true,
      proxy: true,
      isAcross: false,
    },
  );
});

test("a macvlan is read with its mode and parent", () => {
  const { macvlanMode, linkIndex } = link("mv0");
  assert.deepEqual([macvlanMode, linkIndex], [MACVLAN_MODE.bridge, 2]);
});

test("addresses of both families are read", () => {
  const read = [...payloads("ip -4 addr", RTM.NEWADDR), ...payloads("ip -6 addr", RTM.NEWADDR)].map(decodeAddress);
  const text = read.map((message) => message && formatPrefix(message.address));
  assert.ok(text.includes("172.18.0.1/16") && text.includes("fd00::1/64") && text.includes("::1/128"), text.join(" "));
});

test("a route of several next hops is several routes", () => {
  const routes = payloads("ip -4 route", RTM.NEWROUTE)
    .flatMap(decodeRoute)
    .map(({ destination, gateway, onLink }) => [formatPrefix(destination), gateway && formatAddress(gateway), onLink]);
  assert.deepEqual(routes, [
    ["0.0.0.0/0", "172.18.0.9", false],
    ["10.8.0.0/16", "172.18.0.7", false],
    ["10.8.0.0/16", "172.18.0.8", false],
    ["172.18.0.0/16", undefined, true],
  ]);
});

test("a permanent neighbour and a VXLAN's entry are read; a bridge's own table is left out", () => {
  const read = [...payloads("ip neigh", RTM.NEWNEIGH), ...payloads("bridge fdb", RTM.NEWNEIGH)]
    .map(decodeNeighbour)
    .filter((entry) => entry !== undefined)
    .map(({ table, address, mac, permanent }) => [table, formatAddress(address), formatMac(mac), permanent]);
  assert.deepEqual(read, [
    ["neighbour", "172.18.0.7", "02:42:ac:12:00:07", true],
    ["forwarding", "127.0.0.9", "02:42:ac:12:00:07", true],
  ]);
});

test("a refusal is read with its errno", () => {
  const refusals = goldenMessages("replies", "ip link show dev nope")
    .filter((message) => message.type === NLMSG.ERROR)
    .map(decodeAcknowledgement);
  assert.ok(refusals.some(({ errno }) => errno === 19));
});

const decoders: readonly ((payload: Uint8Array) => unknown)[] = [
  decodeLink,
  decodeAddress,
  decodeRoute,
  decodeNeighbour,
  decodeNamespaceId,
];

/** Decodes as everything there is; only a WireError may come out. */
function decodeAsAll(bytes: Uint8Array): void {
  const attempt = (decode: () => unknown): void => {
    try {
      decode();
    } catch (cause) {
      assert.ok(cause instanceof WireError, String(cause));
    }
  };
  let messages: readonly Message[] = [];
  attempt(() => (messages = decodeMessages(bytes)));
  for (const decode of decoders) {
    attempt(() => decode(bytes));
    for (const message of messages) attempt(() => decode(message.payload));
  }
  for (const message of messages) attempt(() => decodeAcknowledgement(message));
}

test("random bytes give values or a WireError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => decodeAsAll(bytes)),
    { numRuns: 3000 },
  );
});

test("captured answers with any bytes changed or cut give values or a WireError", () => {
  const goldens = readGoldens("replies").map((golden) => golden.bytes);
  const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
  const property = fc.property(
    fc.constantFrom(...goldens),
    fc.array(change, { maxLength: 8 }),
    fc.option(fc.nat()),
    (golden, changes, cut) => {
      const bytes = cut === null ? golden.slice() : golden.slice(0, cut % (golden.length + 1));
      for (const { at, value } of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      decodeAsAll(bytes);
    },
  );
  fc.assert(property, { numRuns: 3000 });
});
