/** Links of every kind and what stands on them, judged by iproute2; above all, what is not ours stays untouched. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { parseAddress } from "../addr/ip-address.ts";
import { parseMac } from "../addr/mac-address.ts";
import { parsePrefix } from "../addr/prefix.ts";
import { HOST, type ForwardingFact, type KernelFact, type LinkFact } from "./facts.ts";
import type { Kernel } from "./kernel.ts";
import { planRepair } from "./plan.ts";
import { ensure, json, linkJson, linkNames, remove, requirePrivateNamespace, sh, within } from "./testing/netns.ts";
import { openKernelThread } from "./thread.ts";

const NS = "/run/causeway/netns/links";
const namespace: KernelFact = { kind: "namespace", path: NS };
const bridge: LinkFact = {
  kind: "link",
  namespace: HOST,
  name: "br-1",
  device: { type: "bridge" },
  up: true,
  alias: "causeway:n1",
};
const veth: LinkFact = {
  kind: "link",
  namespace: HOST,
  name: "veth1",
  device: { type: "veth", peer: { namespace: NS, name: "eth0", up: true } },
  up: true,
  alias: "causeway:e1",
};
const vxlan: LinkFact = {
  kind: "link",
  namespace: HOST,
  name: "vx-1",
  device: { type: "vxlan", vni: 42, port: 4789, learning: true, proxy: true, local: parseAddress("127.0.0.1") },
  up: true,
  alias: "causeway:v1",
};

let kernel: Kernel;
before(async () => {
  requirePrivateNamespace();
  kernel = await openKernelThread();
  await kernel.apply(ensure(namespace));
});
afterEach(() => assert.deepEqual([linkNames(), linkNames(NS)], [[], []]));
after(async () => {
  await kernel.apply(remove(namespace));
  await kernel[Symbol.asyncDispose]();
});

test("a foreign link of the same name is neither changed nor removed", async () => {
  sh("ip link add br-1 type bridge; ip link set br-1 alias 'of somebody else' mtu 1300");
  const seen = sh("ip -d link show dev br-1");
  await assert.rejects(kernel.apply(ensure(bridge)), /create link br-1: .*not ours \(EEXIST\)/);
  await assert.rejects(kernel.apply(ensure({ ...veth, name: "br-1" })), /not such a veth \(EEXIST\)/);
  await kernel.apply(remove(bridge));
  assert.equal(sh("ip -d link show dev br-1"), seen);
  sh("ip link del br-1");
});

test("an adopted link is configured, keeps its alias, and is never removed", async () => {
  sh("ip link add lan type bridge; ip link set lan alias mine");
  const adopted: LinkFact = { ...bridge, name: "lan", mtu: 1300, adopt: true };
  await kernel.apply(ensure(adopted));
  const { mtu, ifalias, flags } = linkJson("lan") ?? {};
  assert.deepEqual([mtu, ifalias, Array.isArray(flags) && flags.includes("UP")], [1300, "mine", true]);
  await kernel.apply(remove(adopted));
  assert.ok(linkJson("lan"));
  sh("ip link del lan");
});

test("an adopted link keeps the MAC that it had", async () => {
  sh("ip link add lan address 02:00:00:00:00:77 type bridge");
  const adopted: LinkFact = { ...bridge, name: "lan", mac: parseMac("02:42:00:00:00:01"), adopt: true };
  await kernel.apply(ensure(adopted));
  assert.equal(linkJson("lan")?.["address"], "02:00:00:00:00:77");
  assert.deepEqual(planRepair([adopted], [await kernel.observe(HOST)]), []);
  sh("ip link del lan");
});

test("a link to adopt that is not there is made with its MAC, and then it is ours to repair and to remove", async () => {
  const wanted: LinkFact = { ...bridge, mac: parseMac("02:42:00:00:00:01"), adopt: true };
  await kernel.apply(ensure(wanted));
  sh("ip link set br-1 address 02:00:00:00:00:78");
  assert.deepEqual(
    planRepair([wanted], [await kernel.observe(HOST)]).map(({ action, fact }) => [action, fact.kind]),
    [["ensure", "link"]],
  );
  await kernel.apply(ensure(wanted));
  assert.equal(linkJson("br-1")?.["address"], "02:42:00:00:00:01");
  assert.equal(linkJson("br-1")?.["ifalias"], "causeway:n1");
  await kernel.apply(remove({ ...bridge, adopt: true }));
});

test("a link without a mark in its fact is configured, never made", async () => {
  const { alias: _, ...unmarked } = bridge;
  await assert.rejects(kernel.apply(ensure(unmarked)), /configure link br-1: no such link \(ENODEV\)/);
});

test("an existing link of ours is brought in line in place", async () => {
  await kernel.apply(ensure(bridge, veth));
  const index = linkJson("veth1")?.["ifindex"];
  const mac = parseMac("02:42:ac:12:00:05");
  const peer = { namespace: NS, name: "eth0", mac, mtu: 1400, up: true };
  const changed: LinkFact = { ...veth, master: "br-1", hairpin: true, mtu: 1400, device: { type: "veth", peer } };
  await kernel.apply(ensure({ ...changed, alias: "causeway:renamed" }));
  const seen = linkJson("veth1") ?? {};
  const hairpin = seen["linkinfo.info_slave_data.hairpin"];
  assert.deepEqual(
    [seen["ifindex"], seen["mtu"], seen["master"], seen["ifalias"], hairpin],
    [index, 1400, "br-1", "causeway:renamed", true],
  );
  assert.deepEqual([linkJson("eth0", NS)?.["address"], linkJson("eth0", NS)?.["mtu"]], ["02:42:ac:12:00:05", 1400]);
  await kernel.apply(ensure({ ...veth, up: false }));
  assert.ok(!String(linkJson("veth1")?.["flags"]).includes("UP"));
  await kernel.apply(remove(bridge, veth));
});

test("a veth of ours whose peer went elsewhere is made anew", async () => {
  await kernel.apply(ensure(veth));
  sh(within(NS, "ip link set eth0 name lost0"));
  await kernel.apply(ensure(veth));
  assert.deepEqual(linkNames(NS), ["eth0"]);
  await kernel.apply(remove(veth));
});

test("a peer's name that is taken fails, and the other end does not stay", async () => {
  sh(within(NS, "ip link add eth0 type bridge"));
  await assert.rejects(kernel.apply(ensure(veth)), /create link veth1: .*EEXIST/);
  assert.deepEqual(linkNames(), []);
  sh(within(NS, "ip link del eth0"));
});

test("a VXLAN has the traits of its fact, and changing them makes it anew", async () => {
  await kernel.apply(ensure(vxlan));
  const { linkinfo } = json("ip -j -d link show dev vx-1")[0] ?? {};
  assert.match(JSON.stringify(linkinfo), /"id":42.*"local":"127\.0\.0\.1".*"port":4789.*"learning":true,"proxy":true/);
  await kernel.apply(ensure({ ...vxlan, device: { type: "vxlan", vni: 43, port: 4790, learning: false } }));
  assert.match(sh("ip -d link show dev vx-1"), /vxlan id 43 .*dstport 4790 .*nolearning/);
  await kernel.apply(remove(vxlan));
});

test("a VXLAN in a sandbox can have its socket in the host's namespace, under a name that the host has too", async () => {
  const device = { type: "vxlan", vni: 7, port: 4789, learning: true, underlay: HOST } as const;
  const inside: LinkFact = { ...vxlan, namespace: NS, device };
  await kernel.apply(ensure(vxlan, inside));
  await kernel.apply(ensure(vxlan, inside));
  assert.match(sh(within(NS, "ip -d link show dev vx-1")), /link-netnsid 0.*\n.*vxlan id 7 /);
  // The socket is where the underlay is.
  assert.match(sh("ss -lnu"), /:4789/);
  assert.doesNotMatch(sh(within(NS, "ss -lnu")), /:4789/);
  await kernel.apply(remove(vxlan, inside));
});

test("a macvlan stands in the sandbox on a parent of the host, under a name that the host has too", async () => {
  sh("ip link add eth0 type bridge; ip link set eth0 up");
  const device = { type: "macvlan", parent: "eth0", parentNamespace: HOST, mode: "private" } as const;
  const inside: LinkFact = { ...veth, namespace: NS, name: "eth0", device };
  await kernel.apply(ensure(inside));
  await kernel.apply(ensure(inside));
  assert.match(sh(within(NS, "ip -d link show dev eth0")), /macvlan mode private/);
  await assert.rejects(
    kernel.apply(ensure({ ...inside, name: "mv1", device: { ...device, parent: "nope" } })),
    /no link nope/,
  );
  await kernel.apply(remove(inside));
  sh("ip link del eth0");
});

test("many links are removed together, those between them that are not ours stay", async () => {
  const links = Array.from({ length: 40 }, (_, index): LinkFact => {
    const peer = { namespace: NS, name: `eth${index}`, up: true };
    return { ...veth, name: `veth${index}`, device: { type: "veth", peer } };
  });
  await kernel.apply(ensure(...links));
  sh("ip link set veth7 alias foreign; ip link set veth8 alias ''");
  const begin = performance.now();
  await kernel.applyAll(remove(...links));
  const togetherMs = performance.now() - begin;
  assert.deepEqual([...linkNames()].sort(), ["veth7", "veth8"]);
  // One wait for readers, not forty.
  assert.ok(togetherMs < 40 * 15, `${togetherMs} ms`);
  sh("ip link del veth7; ip link del veth8");
});

test("the port that is one too many for a bridge is refused in words, and all go in one batch", async () => {
  const port = (index: number): LinkFact => {
    const peer = { namespace: HOST, name: `p${index}`, up: false };
    return { ...veth, name: `v${index}`, up: false, master: "br-1", device: { type: "veth", peer } };
  };
  const ports = Array.from({ length: 1024 }, (_, index) => port(index));
  await assert.rejects(
    kernel.apply(ensure(bridge, ...ports)),
    /create link v1023: bridge br-1 has 1023 ports, the most that the kernel gives a bridge \(EXFULL\)/,
  );
  await kernel.applyAll(remove(bridge, ...ports));
});

test("with a primary address its subnet's other addresses do not go", async () => {
  const on = (text: string): KernelFact => {
    return { kind: "address", namespace: HOST, link: "br-1", address: parsePrefix(text) };
  };
  await kernel.apply(ensure(bridge, on("10.1.0.1/16"), on("10.1.0.2/16"), on("10.2.0.1/16")));
  await kernel.apply(remove(on("10.1.0.1/16")));
  const addresses = sh("ip -o -4 addr show dev br-1").match(/10\.\S+\/16/g);
  assert.deepEqual(addresses?.sort(), ["10.1.0.2/16", "10.2.0.1/16"]);
  await kernel.apply(remove(on("10.1.0.1/16"), on("10.2.0.1/16")));
  assert.deepEqual(sh("ip -o -4 addr show dev br-1").match(/10\.\S+\/16/g), ["10.1.0.2/16"]);
  await kernel.apply(remove(bridge));
});

test("a route is replaced in place and removed, whoever made it", async () => {
  const route = (gateway: string): KernelFact => ({
    kind: "route",
    namespace: HOST,
    destination: parsePrefix("192.0.2.0/24"),
    gateway: parseAddress(gateway),
    link: "br-1",
  });
  const address: KernelFact = { kind: "address", namespace: HOST, link: "br-1", address: parsePrefix("10.1.0.1/16") };
  await kernel.apply(ensure(bridge, address, route("10.1.0.2")));
  await kernel.apply(ensure(route("10.1.0.3")));
  assert.match(sh("ip route show 192.0.2.0/24"), /^192\.0\.2\.0\/24 via 10\.1\.0\.3 dev br-1 \S*\s*$/);
  await assert.rejects(
    kernel.apply(ensure(route("10.99.0.1"))),
    /via 10\.99\.0\.1 on br-1: Nexthop has invalid gateway/,
  );
  await kernel.apply(remove(route("10.1.0.3")));
  assert.equal(sh("ip route show 192.0.2.0/24"), "");
  await kernel.apply(remove(bridge, address));
});

test("a forwarding entry takes the place of one that was learned; a flood list grows entry by entry", async () => {
  const entry = (mac: string, destination: string): ForwardingFact => ({
    kind: "forwarding",
    namespace: HOST,
    link: "vx-1",
    mac: parseMac(mac),
    destination: parseAddress(destination),
  });
  // Without learning: what is flooded to 127.0.0.0/8 comes back, and it would learn its own address.
  await kernel.apply(ensure({ ...vxlan, device: { type: "vxlan", vni: 42, port: 4789, learning: false } }));
  sh("bridge fdb add 02:42:00:00:00:09 dev vx-1 dst 127.0.0.7 self dynamic");
  const zero = "00:00:00:00:00:00";
  const entries = [entry("02:42:00:00:00:09", "127.0.0.8"), entry(zero, "127.0.0.8"), entry(zero, "127.0.0.9")];
  await kernel.apply(ensure(...entries));
  await kernel.apply(ensure(...entries));
  assert.deepEqual(sh("bridge fdb show dev vx-1").trim().split("\n").sort(), [
    "00:00:00:00:00:00 dst 127.0.0.8 self permanent",
    "00:00:00:00:00:00 dst 127.0.0.9 self permanent",
    "02:42:00:00:00:09 dst 127.0.0.8 self permanent",
  ]);
  await kernel.apply(remove(...entries));
  assert.equal(sh("bridge fdb show dev vx-1"), "");
  await kernel.apply(remove(vxlan));
});
