/** Overlay networks between hosts that are namespaces, through real VXLANs; judged by ping, `ip -j` and `bridge -j`. */
import assert from "node:assert/strict";
import { closeSync, existsSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { parseMac } from "../../addr/mac-address.ts";
import { parsePrefix } from "../../addr/prefix.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { json, linkJson, requirePrivateNamespace, sh, within } from "../../kernel/testing/netns.ts";
import { openKernelThread } from "../../kernel/thread.ts";
import type { EndpointIntent, NetworkIntent } from "../intent.ts";
import { OverlayHost, hostAddress, makeHosts, removeHosts, spread } from "./hosts.fixture.ts";
import { endpoint, idOf, network, overlayPool, peer } from "./intents.fixture.ts";
import { OPTION } from "./options.ts";

const HOSTS = 3;
const [C1, C2, C3] = [endpoint(1), endpoint(2), endpoint(3)];

let kernel: Kernel;
let hosts: OverlayHost[] = [];

before(async () => {
  requirePrivateNamespace();
  makeHosts(HOSTS);
  kernel = await openKernelThread();
});
afterEach(async () => {
  for (const host of hosts) await host.hold([], []);
  for (const host of hosts) assert.equal(json("ip -j link", host.namespace).length, 2, "lo and the wire");
  hosts = [];
});
after(async () => {
  await kernel[Symbol.asyncDispose]();
  removeHosts(HOSTS);
});

function on(intent: NetworkIntent): readonly [OverlayHost, OverlayHost, OverlayHost] {
  const made = [1, 2, 3].map((number) => new OverlayHost(kernel, intent, number));
  hosts.push(...made);
  const [one, two, three] = made;
  assert.ok(one && two && three);
  return [one, two, three];
}

/** The network's namespace on the host. */
function place(host: OverlayHost): string {
  const [fact] = host.facts;
  assert.ok(fact?.kind === "namespace");
  return fact.path;
}

test("containers on three hosts reach each other and the gateway", async () => {
  const [h1, h2, h3] = on(network());
  await spread([
    [h1, [C1]],
    [h2, [C2]],
    [h3, [C3]],
  ]);
  for (const address of ["10.0.0.12", "10.0.0.13", "10.0.0.1"]) assert.ok(h1.pings(C1, address), address);
  for (const address of ["10.0.0.11", "10.0.0.12", "10.0.0.1"]) assert.ok(h3.pings(C3, address), address);
});

test("the VXLAN learns nothing, answers ARP, has its socket in the host's namespace, and says who is where", async () => {
  const [h1, h2] = on(network());
  await spread([
    [h1, [C1]],
    [h2, [C2]],
  ]);
  const vxlan = linkJson("vxlan0", place(h1)) ?? {};
  const traits = ["id", "port", "local", "learning", "proxy"].map((name) => vxlan[`linkinfo.info_data.${name}`]);
  assert.deepEqual(traits, [256, 4789, hostAddress(1), false, true]);
  assert.deepEqual([vxlan["master"], vxlan["mtu"]], ["br0", 1450]);
  assert.match(sh(within(h1.namespace, "busybox netstat -lun")), /:4789 /);
  const entries = json("bridge -j fdb show dev vxlan0", place(h1)).filter((entry) => "dst" in entry);
  assert.deepEqual(
    entries.map(({ mac, dst, state }) => [mac, dst, state]),
    [["02:00:00:00:00:02", hostAddress(2), "permanent"]],
  );
  const neighbours = json("ip -j neigh show dev vxlan0", place(h1));
  assert.deepEqual(
    neighbours.map(({ dst, lladdr, state }) => [dst, lladdr, state]),
    [["10.0.0.12", "02:00:00:00:00:02", ["PERMANENT"]]],
  );
});

test("a host without containers on the network has nothing of it; the last that leaves takes it away", async () => {
  const [h1, h2, h3] = on(network());
  await spread([
    [h1, [C1]],
    [h2, [C2]],
    [h3, []],
  ]);
  assert.deepEqual(h3.facts, []);
  const namespace = place(h1);
  assert.ok(existsSync(namespace));
  await spread([
    [h1, []],
    [h2, [C2]],
  ]);
  assert.ok(!existsSync(namespace));
});

test("a packet as long as the MTU passes whole, a longer one does not leave", async () => {
  const [h1, h2] = on(network({ options: { [OPTION.mtu]: "1400" } }));
  await spread([
    [h1, [C1]],
    [h2, [C2]],
  ]);
  assert.equal(linkJson("eth0", h1.sandboxPath(C1))?.["mtu"], 1350);
  assert.ok(h1.pings(C1, "10.0.0.12", "-M", "do", "-s", String(1350 - 28)));
  assert.ok(!h1.pings(C1, "10.0.0.12", "-M", "do", "-s", String(1351 - 28)));
});

const SECOND: Partial<EndpointIntent> = { addresses: [parsePrefix("10.0.1.12/24")] };

test("subnets of one network reach each other through their gateways, on one host and across, by one VXLAN each", async () => {
  const pools = [overlayPool("10.0.0.0/24", "10.0.0.1", 300), overlayPool("10.0.1.0/24", "10.0.1.1", 301)];
  const [h1, h2] = on(network({ pools }));
  const [far, near] = [endpoint(2, SECOND), endpoint(3, { addresses: [parsePrefix("10.0.1.13/24")] })];
  await spread([
    [h1, [C1, near]],
    [h2, [far]],
  ]);
  assert.equal(linkJson("vxlan1", place(h1))?.["linkinfo.info_data.id"], 301);
  for (const address of ["10.0.1.12", "10.0.1.13", "10.0.1.1"]) assert.ok(h1.pings(C1, address), address);
  assert.ok(h2.pings(far, "10.0.0.11"));
  const moved = endpoint(2, { ...SECOND, mac: parseMac("02:00:00:00:00:99") });
  await spread([
    [h1, [C1, near]],
    [h2, [moved]],
  ]);
  assert.ok(h1.pings(C1, "10.0.1.12"), "the gateway knows the new station");
});

test("both address families share one segment, and neighbours are found in either", async () => {
  const pools = [overlayPool("10.0.0.0/24", "10.0.0.1", 300), overlayPool("fd00:7::/64", "fd00:7::1", 301)];
  const [h1, h2] = on(network({ enableIPv6: true, pools }));
  const dual = (number: number): EndpointIntent =>
    endpoint(number, {
      addresses: [parsePrefix(`10.0.0.1${number}/24`), parsePrefix(`fd00:7::1${number}/64`)],
    });
  await spread([
    [h1, [dual(1)]],
    [h2, [dual(2)]],
  ]);
  assert.equal(linkJson("vxlan1", place(h1)), undefined);
  for (const address of ["10.0.0.12", "fd00:7::12", "fd00:7::1"]) assert.ok(h1.pings(dual(1), address), address);
  assert.ok(h2.pings(dual(2), "fd00:7::11"));
});

test("networks of the same addresses do not see each other, and one of IPv4 has no IPv6 inside", async () => {
  const shop = on(network());
  const other = on(network({ id: idOf("beef"), pools: [overlayPool("10.0.0.0/24", "10.0.0.1", 999)] }));
  const stranger = endpoint(4, { id: idOf("c4") });
  await spread([
    [shop[0], [C1]],
    [shop[1], [C2]],
  ]);
  await spread([[other[0], [stranger]]]);
  assert.ok(!other[0].pings(stranger, "10.0.0.12", "-W1"));
  assert.ok(!shop[0].pings(C1, "10.0.0.14", "-W1"));
  assert.equal(sh(within(place(shop[0]), "ip -6 addr show dev br0")), "");
});

test("a peer that comes back as another station with the same address is spoken to at once", async () => {
  const [h1, h2, h3] = on(network());
  await spread([
    [h1, [C1]],
    [h2, [C2]],
  ]);
  assert.ok(h1.pings(C1, "10.0.0.12"));
  const heir = endpoint(5, { addresses: C2.addresses });
  await h2.hold([], []);
  await h3.hold([heir], [peer(C1, h1.address)]);
  await h1.hold([C1], [peer(heir, h3.address)]);
  assert.ok(h1.pings(C1, "10.0.0.12", "-W1"), "with the memory of the old station");
  assert.match(sh(within(h1.sandboxPath(C1), "ip neigh show 10.0.0.12")), /02:00:00:00:00:05/);
});

test("and so is one with an IPv6 address", async () => {
  const [h1, h2, h3] = on(
    network({ enableIPv4: false, enableIPv6: true, pools: [overlayPool("fd00:7::/64", "fd00:7::1", 300)] }),
  );
  const six = (number: number, host: number): EndpointIntent =>
    endpoint(number, { addresses: [parsePrefix(`fd00:7::${host}/64`)] });
  await spread([
    [h1, [six(1, 11)]],
    [h2, [six(2, 12)]],
  ]);
  assert.ok(h1.pings(six(1, 11), "fd00:7::12"));
  await h2.hold([], []);
  await h3.hold([six(5, 12)], [peer(six(1, 11), h1.address)]);
  await h1.hold([six(1, 11)], [peer(six(5, 12), h3.address)]);
  assert.ok(h1.pings(six(1, 11), "fd00:7::12", "-W1"), "with the memory of the old station");
});

test("without the announcement the old station would still be asked: the test above can fail", async () => {
  const [h1, h2, h3] = on(network());
  await spread([
    [h1, [C1]],
    [h2, [C2]],
  ]);
  assert.ok(h1.pings(C1, "10.0.0.12"));
  const heir = endpoint(5, { addresses: C2.addresses });
  await h2.hold([], []);
  await h3.hold([heir], [peer(C1, h1.address)]);
  await h1.hold([C1], [peer(heir, h3.address)], { silently: true });
  assert.ok(!h1.pings(C1, "10.0.0.12", "-W1"));
});

test("a VXLAN id that another program of the host has is said, and nothing of the network stays", async () => {
  const [h1] = on(network());
  sh(within(h1.namespace, "ip link add foreign type vxlan id 256 dstport 4789 local 192.0.2.1 nolearning"));
  await assert.rejects(h1.hold([C1], []), /create link vxlan0: another VXLAN of this host has id 256 .*\(EEXIST\)/);
  await h1.takeBack([C1], []);
  assert.equal(linkJson("foreign", h1.namespace)?.["linkinfo.info_data.id"], 256);
  sh(within(h1.namespace, "ip link del foreign"));
});

test("a UDP port that another program has is said", async () => {
  const [h1] = on(network());
  const bind = { address: "0.0.0.0", port: 4789 };
  const [held] = await kernel.openSockets(h1.namespace, [{ transport: "udp", family: 4, bind }]);
  assert.ok(held);
  try {
    await assert.rejects(
      h1.hold([C1], []),
      /create link vxlan0: another program of this host has UDP port 4789: .*\(EADDRINUSE\)/,
    );
    await h1.takeBack([C1], []);
  } finally {
    closeSync(held.fd);
  }
});
