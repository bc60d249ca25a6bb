/**
 * IPv6 through the real docker CLI: dual-stack and IPv6-only networks, between containers and to another machine of the LAN (a
 * namespace with a veth into the daemon's). ping, curl, dig and tcpdump judge. One daemon for all, in order.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { TestDaemon } from "../support/daemon.ts";
import { DockerLines, sh } from "../support/docker-lines.ts";
import { run } from "../support/run.ts";
import { takeTraces } from "../support/traces.ts";
import { until } from "../support/wait.ts";

const LAN = "ip netns exec lan";

let daemon: TestDaemon;
let docker: DockerLines;
let fresh: Awaited<ReturnType<typeof traces>>;

before(async () => {
  await sh(`
    ip netns add lan
    ip link add lan0 type veth peer name eth0 netns lan
    ip address add 192.168.7.1/24 dev lan0 && ip -6 address add fd07::1/64 dev lan0 nodad && ip link set lan0 up
    ip -n lan address add 192.168.7.2/24 dev eth0 && ip -n lan -6 address add fd07::2/64 dev eth0 nodad
    ip -n lan link set eth0 up && ip -n lan link set lo up
  `);
  daemon = await TestDaemon.start("--ipv6", "--fixed-cidr-v6", "fd0d::/64");
  docker = new DockerLines(daemon);
  await docker.importBusybox();
  await sh(`sysctl -qw net.ipv6.conf.all.forwarding=1`);
  fresh = await traces();
});
after(async () => daemon[Symbol.asyncDispose]());

/** What could be left; a table that was used once stays listed, empty. */
async function traces() {
  const { links, rules, mounts, namespaces } = await takeTraces(daemon.pid);
  return { links, rules: rules.filter((line) => line.startsWith("-A")), mounts, namespaces };
}

async function address6(name: string, network: string): Promise<string> {
  return docker.ok(`inspect -f '{{(index .NetworkSettings.Networks "${network}").GlobalIPv6Address}}' ${name}`);
}

async function reaches(where: string, address: string): Promise<boolean> {
  return (await run(["sh", "-c", `${where} ping -6 -c1 -W2 ${address}`])).status === 0;
}

/** What tcpdump sees on the LAN of a ping that goes out meanwhile. */
async function onTheLan(act: () => Promise<unknown>): Promise<string> {
  const dump = spawn("ip", ["netns", "exec", "lan", "tcpdump", "-i", "eth0", "-nlU", "-c1", "icmp6[0] == 128"]);
  let seen = "";
  let ready = "";
  dump.stdout.on("data", (chunk: Buffer) => (seen += chunk.toString()));
  dump.stderr.on("data", (chunk: Buffer) => (ready += chunk.toString()));
  try {
    await until("tcpdump listens", () => ready.includes("listening on"));
    await act();
    await until("tcpdump saw it", () => seen.includes("fd07::2"));
    return seen;
  } finally {
    dump.kill();
  }
}

test("--ipv6 gives a /64 of the host's own private prefix beside the IPv4 subnet", async () => {
  await docker.ok("network create --ipv6 dual");
  const config = await docker.ok("network inspect -f '{{json .IPAM.Config}}' dual");
  assert.match(config, /^\[{"Subnet":"172\.18\.0\.0\/16","Gateway":"172\.18\.0\.1"},{"Subnet":"fd[0-9a-f:]+::\/64",/);
  assert.match(config, /"Gateway":"fd[0-9a-f:]+::1"}\]$/);
  assert.equal(await docker.ok("network inspect -f '{{.EnableIPv4}} {{.EnableIPv6}}' dual"), "true true");
});

test("containers reach each other over IPv6 by name, and know themselves", async () => {
  for (const name of ["d1", "d2"]) await docker.ok(`run -itd --name ${name} --net dual busybox`);
  const d2 = await address6("d2", "dual");
  assert.match(await docker.ok("exec d1 ping -6 -c1 d2"), new RegExp(`PING d2 \\(${d2}\\)`));
  const hosts = await docker.ok("exec d2 cat /etc/hosts");
  assert.match(hosts, /^::1\tlocalhost ip6-localhost ip6-loopback$/m);
  assert.match(hosts, new RegExp(`^${d2}\t[0-9a-f]{12}$`, "m"));
  assert.match(
    await docker.ok("exec d2 ip -6 route"),
    new RegExp(`^default via ${d2.replace(/::.*/, "::1")} dev eth0`, "m"),
  );
});

test("dig reads AAAA and PTR of names with IPv6", async () => {
  const [key, d2] = [await docker.namespace("d1"), await address6("d2", "dual")];
  const dig = async (question: string): Promise<string> =>
    sh(`nsenter --net=${key} dig @127.0.0.11 +short ${question}`);
  assert.equal((await dig("AAAA d2")).trim(), d2);
  assert.equal((await dig(`-x ${d2}`)).trim(), "d2.dual.");
});

test("--ipv4=false makes a network without IPv4", async () => {
  await docker.ok("network create --ipv6 --ipv4=false six");
  const serve = "mkdir /www; echo six >/www/index.html; exec httpd -f -p 80 -h /www";
  await docker.ok(`run -d --name s1 --net six busybox sh -c '${serve}'`);
  await docker.ok("run -itd --name s2 --net six busybox");
  assert.equal(await docker.ok("network inspect -f '{{.EnableIPv4}} {{len .IPAM.Config}}' six"), "false 1");
  assert.doesNotMatch(await docker.ok("exec s2 ip addr show eth0"), /inet /);
  await until("s1 serves", async () => docker.does("exec s2 timeout 2 wget -q -O - http://s1/"));
  assert.equal(await docker.ok("exec s2 wget -q -O - http://s1/"), "six");
});

test("--ip6 gives that very address, and one outside the subnet is refused", async () => {
  await docker.ok("network create --ipv6 --subnet fd42::/64 own");
  await docker.ok("run -itd --name fixed --net own --ip6 fd42::77 busybox");
  assert.equal(await address6("fixed", "own"), "fd42::77");
  const said = await docker.fails("run --rm --net own --ip6 fd43::1 busybox true");
  assert.match(said, /no configured subnet contains IP address fd43::1/);
});

test("the default bridge has IPv6 where the daemon says so", async () => {
  await docker.ok("run -itd --name plain busybox");
  assert.match(await address6("plain", "bridge"), /^fd0d::/);
  assert.ok(await docker.does("exec plain ping -6 -c1 -W2 fd07::2"));
});

test("other networks are not reached over IPv6", async () => {
  for (const [name, network] of [
    ["d2", "dual"],
    ["s1", "six"],
  ] as const) {
    assert.equal(await docker.does(`exec fixed ping -6 -c1 -W1 ${await address6(name, network)}`), false);
  }
});

test("the LAN is reached in the host's name, and does not reach in", async () => {
  const seen = await onTheLan(async () => docker.ok("exec d1 ping -6 -c1 -W2 fd07::2"));
  assert.match(seen, /IP6 fd07::1 > fd07::2: ICMP6, echo request/);
  await sh("ip -n lan -6 route add default via fd07::1");
  assert.equal(await reaches(LAN, await address6("d2", "dual")), false);
});

test("a routed network is itself to the LAN", async () => {
  const mode = "com.docker.network.bridge.gateway_mode_ipv6=routed";
  await docker.ok(`network create --ipv6 --subnet fd44::/64 -o ${mode} routed`);
  await docker.ok("run -itd --name open --net routed --ip6 fd44::9 busybox");
  assert.ok(await reaches(LAN, "fd44::9"));
  const seen = await onTheLan(async () => docker.ok("exec open ping -6 -c1 -W2 fd07::2"));
  assert.match(seen, /IP6 fd44::9 > fd07::2: ICMP6, echo request/);
});

test("ip6tables has the rules of each network", async () => {
  const saved = await sh("ip6tables-save");
  assert.match(saved, /^-A POSTROUTING -s fd42::\/64 ! -o br-[0-9a-f]{12} -j MASQUERADE$/m);
  assert.doesNotMatch(saved, /fd44::\/64 .*MASQUERADE/);
  assert.match(saved, /^-A POSTROUTING -s fd0d::\/64 ! -o docker0 -j MASQUERADE$/m);
});

test("an address that another container takes over is reached there at once", async () => {
  await docker.ok("run -itd --name first --net own --ip6 fd42::99 busybox");
  const [address] = (await docker.ok("inspect -f '{{.NetworkSettings.Networks.own.IPAddress}}' first")).split("\n");
  for (const target of ["fd42::99", address]) await docker.ok(`exec fixed ping -c1 -W2 ${target}`);
  await docker.ok("rm -f first");
  await docker.ok(`run -itd --name second --net own --ip6 fd42::99 --ip ${address} busybox`);
  for (const target of ["fd42::99", address]) await docker.ok(`exec fixed ping -c1 -W1 ${target}`);
  const mac = await docker.ok("inspect -f '{{.NetworkSettings.Networks.own.MacAddress}}' second");
  const neighbours = await sh(`nsenter --net=${await docker.namespace("fixed")} ip neigh`);
  for (const target of ["fd42::99", address]) {
    assert.match(neighbours, new RegExp(`^${target} dev eth0 lladdr ${mac} `, "m"));
  }
});

for (const [line, message] of [
  ["network create --ipv4=false nothing", /IPv4 or IPv6 must be enabled/],
  ["network create -o com.docker.network.advertise_addr_nmsgs=9 x", /must be in the range 0 to 3/],
] as const) {
  test(`docker ${line} is refused`, async () => assert.match(await docker.fails(line), message));
}

test("after all is removed nothing is left", async () => {
  await docker.ok("rm -f d1 d2 s1 s2 fixed plain open second");
  await docker.ok("network rm dual six own routed");
  await until("links and rules are as in the beginning", async () => isDeepStrictEqual(await traces(), fresh)).catch(
    async (cause: unknown) => assert.deepEqual(await traces(), fresh, String(cause)),
  );
});
