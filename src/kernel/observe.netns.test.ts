/** Observations against `ip -j`, whole even while links come and go; watches that speak after changes and only then. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { formatMac } from "../addr/mac-address.ts";
import { formatPrefix } from "../addr/prefix.ts";
import { formatAddress } from "../addr/ip-address.ts";
import { HOST } from "./facts.ts";
import type { Kernel } from "./kernel.ts";
import { ensure, json, openFds, remove, requirePrivateNamespace, sh, until, within } from "./testing/netns.ts";
import { openKernelThread } from "./thread.ts";

const NS = "/run/causeway/netns/observe";

let kernel: Kernel;
before(async () => {
  requirePrivateNamespace();
  kernel = await openKernelThread();
  await kernel.apply(ensure({ kind: "namespace", path: NS }));
});
after(async () => {
  await kernel.apply(remove({ kind: "namespace", path: NS }));
  await kernel[Symbol.asyncDispose]();
});

test("an observation says what ip and bridge say", async () => {
  sh(`ip link add br-1 type bridge; ip link set br-1 up alias 'an alias'; ip addr add 10.1.0.1/16 dev br-1
    ip link add v0 mtu 1400 type veth peer name v1; ip link set v0 master br-1 up; ip link set v1 up
    bridge link set dev v0 hairpin on; ip addr add fd00::1/64 dev br-1 nodad
    ip route add default via 10.1.0.2; ip route add 192.0.2.0/24 dev br-1; ip route add 10.7.0.0/16 via 10.1.0.3 table 77
    ip neigh add 10.1.0.2 lladdr 02:00:00:00:00:02 dev br-1 nud permanent
    ip link add vx0 type vxlan id 7 dstport 4789; bridge fdb add 02:00:00:00:00:09 dev vx0 dst 192.0.2.7 self permanent`);
  const seen = await kernel.observe(HOST, ["net/ipv4/ip_forward", "net/no/such"]);
  const byIp = json("ip -j -d link").map((link) => [
    link["ifindex"],
    link["ifname"],
    link["mtu"],
    link["ifalias"],
    link["master"],
  ]);
  assert.deepEqual(
    seen.links.map(({ index, name, mtu, alias, master }) => [index, name, mtu, alias, master]),
    byIp,
  );
  const named = new Map(seen.links.map((link) => [link.name, link]));
  assert.deepEqual(
    [named.get("v0")?.type, named.get("v0")?.hairpin, named.get("v1")?.hairpin],
    ["veth", true, undefined],
  );
  assert.deepEqual([named.get("vx0")?.up, named.get("br-1")?.up], [false, true]);
  const addresses = sh("ip -o addr show").match(/(?<=inet6? )\S+\/\d+/g);
  assert.deepEqual(seen.addresses.map(({ address }) => formatPrefix(address)).sort(), addresses?.sort());
  const routes = seen.routes.map(({ destination, gateway, link, onLink }) =>
    [formatPrefix(destination), gateway && formatAddress(gateway), link, onLink].join(" "),
  );
  for (const route of [
    "0.0.0.0/0 10.1.0.2 br-1 false",
    "192.0.2.0/24  br-1 true",
    "10.1.0.0/16  br-1 true",
    "fd00::/64  br-1 true",
  ]) {
    assert.ok(routes.includes(route), `${route} in ${routes.join(", ")}`);
  }
  assert.ok(!routes.some((route) => route.startsWith("10.7.") || route.startsWith("127.")), "the main table alone");
  const [neighbour] = seen.neighbours.filter(({ permanent }) => permanent);
  assert.deepEqual(neighbour && [formatAddress(neighbour.address), formatMac(neighbour.mac)], [
    "10.1.0.2",
    "02:00:00:00:00:02",
  ]);
  const [entry] = seen.forwarding;
  assert.deepEqual(entry && [entry.link, formatMac(entry.mac), entry.permanent], ["vx0", "02:00:00:00:00:09", true]);
  assert.deepEqual(seen.sysctls, { "net/ipv4/ip_forward": sh("cat /proc/sys/net/ipv4/ip_forward").trim() });
  sh("ip link del vx0; ip link del v0; ip link del br-1");
});

test("counters are those of the link, received and sent not mixed up", async () => {
  sh(
    `ip link add v0 type veth peer name eth0; ip addr add 10.2.0.1/24 dev v0; ip link set v0 up; ip link set eth0 netns ${NS}`,
  );
  sh(within(NS, "sh -c 'ip addr add 10.2.0.2/24 dev eth0; ip link set eth0 up'"));
  sh(within(NS, "ping -q -c3 -i0.2 -s1000 10.2.0.1"));
  // Down, so that the counters rest while they are compared.
  sh(`${within(NS, "ip link set eth0 down")}; ip link set v0 down`);
  const seen = (await kernel.observe(NS)).links.find((link) => link.name === "eth0")?.statistics;
  assert.ok(seen && seen.txBytes > 3000n && seen.rxBytes > 3000n);
  const [byIp] = json("ip -j -s link show dev eth0", NS);
  const told = JSON.stringify(byIp?.["stats64"]);
  assert.match(
    told,
    new RegExp(`"rx":{"bytes":${seen.rxBytes},"packets":${seen.rxPackets},"errors":0,"dropped":${seen.rxDropped},`),
  );
  assert.match(
    told,
    new RegExp(`"tx":{"bytes":${seen.txBytes},"packets":${seen.txPackets},"errors":0,"dropped":${seen.txDropped},`),
  );
  sh("ip link del v0");
});

test("a dump is whole while links come and go", { timeout: 60_000 }, async () => {
  const count = 150;
  sh("for i in $(seq 0 149); do echo link add keep$i type bridge; done | ip -batch -");
  const churn = spawn("sh", [
    "-c",
    "while :; do ip link add churn0 type veth peer name churn1; ip link del churn0; done",
  ]);
  try {
    await until("links come and go", () => sh("ip -o link").includes("churn0"));
    for (let round = 0; round < 60; round++) {
      const { links } = await kernel.observe(HOST);
      assert.equal(links.filter((link) => link.name.startsWith("keep")).length, count);
      assert.equal(new Set(links.map((link) => link.index)).size, links.length);
    }
  } finally {
    churn.kill("SIGKILL");
    await once(churn, "exit");
  }
  sh(
    "ip link del churn0 2>/dev/null || true; for i in $(seq 0 149); do echo link set keep$i group 7; done | ip -batch -",
  );
  sh("ip link del group 7");
});

test("a watch speaks at most once per 50 ms, in its own namespace, until it is ended", async () => {
  const fds = openFds();
  let host = 0;
  let sandbox = 0;
  const begin = performance.now();
  const endHost = await kernel.watch(HOST, () => host++);
  const endSandbox = await kernel.watch(NS, () => sandbox++);
  sh("ip link add br-1 type bridge; ip link set br-1 up; ip addr add 10.1.0.1/16 dev br-1");
  await until("the host's watch speaks", () => host > 0);
  await delay(200);
  const elapsedMs = performance.now() - begin;
  assert.ok(host <= 1 + elapsedMs / 50, `${host} times in ${elapsedMs} ms`);
  assert.equal(sandbox, 0);
  for (const command of [
    "ip link add dev brx type bridge",
    "ip addr add 10.9.0.1/8 dev brx",
    "ip link set brx up",
    "ip route add 192.0.2.0/24 dev brx",
    "ip neigh add 10.9.0.7 lladdr 02:00:00:00:00:01 dev brx nud permanent",
    "ip link del dev brx",
  ]) {
    const before = sandbox;
    sh(within(NS, command));
    await until(`the sandbox's watch speaks of: ${command}`, () => sandbox > before);
    await delay(120);
  }
  await endHost();
  await endSandbox();
  await endSandbox();
  const last = host;
  sh("ip link del br-1");
  await delay(150);
  assert.equal(host, last);
  await until("its descriptor is closed", () => openFds() <= fds);
});

test(
  "a watch outlives a flood that overruns its buffer, and costs nothing while nothing happens",
  { timeout: 60_000 },
  async () => {
    let changes = 0;
    const end = await kernel.watch(NS, () => changes++);
    const flood = "for a in $(seq 16); do for b in $(seq 250); do echo addr add 10.$a.$b.1/32 dev lo; done; done";
    sh(`${flood} | ${within(NS, "ip -batch -")}`);
    await until("the flood is heard", () => changes > 0);
    await delay(300);
    const quiet = changes;
    const busy = process.cpuUsage();
    await delay(500);
    const { user, system } = process.cpuUsage(busy);
    assert.ok(user + system < 100_000, `${user + system} us of 500 ms`);
    assert.equal(changes, quiet);
    sh(within(NS, "ip link add z type bridge"));
    await until("it still speaks", () => changes > quiet);
    sh(within(NS, "sh -c 'ip link del z; ip addr flush dev lo'"));
    await end();
  },
);
