/**
 * Real packets through the iptables backend's rules: containers (network namespaces on bridges), the host, and a world beyond
 * it that has routes back to no container unless a test gives it one. The judges are ping and dig.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { after, before, beforeEach, describe, test } from "node:test";
import { silentLog } from "../../base/log.ts";
import type { Firewall, Policy } from "../firewall.ts";
import { bridgePolicy, dnsRedirect } from "../policies.fixture.ts";
import { openIptablesFirewall } from "./backend.ts";
import { ProcessKernel, requirePrivateNamespace } from "./process-kernel.fixture.ts";

function sh(command: string): void {
  execFileSync("sh", ["-ec", command], { stdio: ["ignore", "ignore", "inherit"] });
}

/** A bridge with the first address of its subnets, and containers with the following ones. */
function makeBridge(bridge: string, prefix: string, containers: readonly string[]): void {
  sh(`ip link add ${bridge} type bridge; ip link set ${bridge} up
    ip addr add 10.${prefix}.0.1/24 dev ${bridge}; ip addr add fd00:${prefix}::1/64 dev ${bridge} nodad`);
  for (const [index, name] of containers.entries()) {
    const host = index + 2;
    sh(`ip netns add ${name}; ip link add v-${name} type veth peer name eth0 netns ${name}
      ip link set v-${name} master ${bridge} up; ip -n ${name} link set lo up; ip -n ${name} link set eth0 up
      ip -n ${name} addr add 10.${prefix}.0.${host}/24 dev eth0; ip -n ${name} route add default via 10.${prefix}.0.1
      ip -n ${name} addr add fd00:${prefix}::${host}/64 dev eth0 nodad
      ip -n ${name} route add default via fd00:${prefix}::1`);
  }
}

/** Which of the addresses answer at least one of two pings, asked all at once. */
async function reached(from: string, ...addresses: string[]): Promise<string[]> {
  const answers = await Promise.all(
    addresses.map(async (address) => {
      const ping = ["busybox", "ping", "-c", "2", "-i", "0.2", "-W", "1", address];
      const child = spawn("ip", ["netns", "exec", from, ...ping], { stdio: ["ignore", "pipe", "ignore"] });
      const [output] = await Promise.all([text(child.stdout), once(child, "close")]);
      return / [12] packets received/.test(output) ? [address] : [];
    }),
  );
  return answers.flat();
}

const A = bridgePolicy("br-a", "10.1.0.0/24");
const A_V6 = bridgePolicy("br-a", "fd00:1::/64");
const B = bridgePolicy("br-b", "10.2.0.0/24");
const B_V6 = bridgePolicy("br-b", "fd00:2::/64");

let firewall: Firewall;

async function hold(...policies: Policy[]): Promise<void> {
  await firewall.reconcile(policies);
}

before(async () => {
  requirePrivateNamespace();
  makeBridge("br-a", "1", ["a1", "a2"]);
  makeBridge("br-b", "2", ["b1"]);
  sh(`ip netns add world; ip link add uplink type veth peer name eth0 netns world
    ip link set uplink up; ip -n world link set eth0 up; ip addr add 192.0.2.1/24 dev uplink
    ip -n world addr add 192.0.2.9/24 dev eth0; ip addr add 2001:db8::1/64 dev uplink nodad
    ip -n world addr add 2001:db8::9/64 dev eth0 nodad
    echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
    for f in iptables ip6tables; do
      [ ! -e /proc/sys/net/bridge/bridge-nf-call-$f ] || echo 1 >/proc/sys/net/bridge/bridge-nf-call-$f
    done`);
  const kernel = new ProcessKernel();
  firewall = await openIptablesFirewall({ kernel, log: silentLog, ip6tables: true });
});
after(() => {
  sh("for name in a1 a2 b1 world; do ip netns del $name; done");
});
beforeEach(() => {
  sh(`for p in iptables ip6tables; do $p -F; $p -t nat -F; done
    ip -n world route flush root 10.0.0.0/8; ip -n world -6 route flush root fd00::/8`);
});

describe("two networks", () => {
  test("containers of one network reach each other and the host", async () => {
    await hold(A, A_V6, B, B_V6);
    const friends = ["10.1.0.3", "fd00:1::3", "10.1.0.1"];
    assert.deepEqual(await reached("a1", ...friends), friends);
  });

  test("containers of different networks do not", async () => {
    await hold(A, A_V6, B, B_V6);
    assert.deepEqual(await reached("a1", "10.2.0.2", "fd00:2::2"), []);
    assert.deepEqual(await reached("b1", "10.1.0.2"), []);
  });

  test("the world is reached in disguise: it has no route back", async () => {
    await hold(A, A_V6, B, B_V6);
    assert.deepEqual(await reached("a1", "192.0.2.9"), ["192.0.2.9"]);
    assert.deepEqual(await reached("b1", "2001:db8::9"), ["2001:db8::9"]);
    await hold({ ...A, masquerade: "none" }, B, B_V6);
    assert.deepEqual(await reached("a1", "192.0.2.9"), []);
  });

  test("source address translation uses the address that was asked for", async () => {
    sh(`ip addr add 192.0.2.77/24 dev uplink
      ip netns exec world iptables -A INPUT ! -s 192.0.2.77/32 -p icmp -j DROP`);
    await hold({ ...A, masquerade: { snat: { family: 4, value: 0xc000024dn } } });
    assert.deepEqual(await reached("a1", "192.0.2.9"), ["192.0.2.9"]);
    await hold(A);
    assert.deepEqual(await reached("a1", "192.0.2.9"), []);
    sh("ip addr del 192.0.2.77/24 dev uplink; ip netns exec world iptables -F INPUT");
  });

  test("a world that routes to a container's address reaches nothing that was not published", async () => {
    sh(`ip -n world route add 10.1.0.0/24 via 192.0.2.1; ip -n world route add fd00:1::/64 via 2001:db8::1`);
    await hold(A, A_V6);
    assert.deepEqual(await reached("world", "10.1.0.2"), []);
    assert.deepEqual(await reached("world", "fd00:1::2"), []);
  });

  test("a user's rule in DOCKER opens what we would drop, also after later changes", async () => {
    sh("ip -n world route add 10.1.0.0/24 via 192.0.2.1");
    await hold(A);
    sh("iptables -I DOCKER -d 10.1.0.2/32 -p icmp -j ACCEPT");
    await firewall.apply({ add: [B], remove: [] });
    assert.deepEqual(await reached("world", "10.1.0.2"), ["10.1.0.2"]);
    assert.deepEqual(await reached("world", "10.1.0.3"), []);
  });

  test("a user's rule in DOCKER-USER closes what we would accept", async () => {
    await hold(A);
    sh("iptables -I DOCKER-USER -s 10.1.0.2/32 -j DROP");
    assert.deepEqual(await reached("a1", "192.0.2.9"), []);
    assert.deepEqual(await reached("a2", "192.0.2.9"), ["192.0.2.9"]);
  });

  test("a FORWARD chain that ends in REJECT stops no network, not even one made later", async () => {
    sh("iptables -F FORWARD; iptables -A FORWARD -j REJECT");
    await hold(A);
    sh("iptables -I FORWARD 1 -j REJECT");
    await firewall.apply({ add: [B], remove: [] });
    assert.deepEqual(await reached("b1", "192.0.2.9"), ["192.0.2.9"]);
  });
});

describe("restricted networks", () => {
  const callsIptables = spawnSync("test", ["-e", "/proc/sys/net/bridge/bridge-nf-call-iptables"]).status === 0;
  const skip = callsIptables ? false : "kernel feature missing: br_netfilter";

  test("an internal network reaches itself and nothing else", async () => {
    await hold({ ...A, internal: true, masquerade: "none" }, { ...A_V6, internal: true, masquerade: "none" }, B, B_V6);
    sh(`ip -n world route add 10.1.0.0/24 via 192.0.2.1`);
    const all = ["10.1.0.3", "fd00:1::3", "192.0.2.9", "10.2.0.2", "2001:db8::9", "fd00:2::2"];
    assert.deepEqual(await reached("a1", ...all), ["10.1.0.3", "fd00:1::3"]);
    assert.deepEqual(await reached("world", "10.1.0.2"), []);
  });

  test("without icc containers reach the world but not each other", { skip }, async () => {
    await hold({ ...A, icc: false }, { ...A_V6, icc: false });
    assert.deepEqual(await reached("a1", "10.1.0.3", "fd00:1::3", "192.0.2.9"), ["192.0.2.9"]);
    await firewall.apply({ add: [A], remove: [] });
    assert.deepEqual(await reached("a1", "10.1.0.3"), ["10.1.0.3"]);
  });
});

/** Answers each query over UDP and TCP with its own bytes and the response bit, which dig takes for an empty answer. */
const RESPONDER = `
const answer = (query) => { const reply = Buffer.from(query); reply[2] |= 0x80; return reply; };
const udp = require("dgram").createSocket("udp4");
udp.on("message", (query, peer) => udp.send(answer(query), peer.port, peer.address));
const tcp = require("net").createServer((s) => s.on("data", (d) => { const r = Buffer.from(d); r[4] |= 0x80; s.end(r); }));
udp.bind(40001, "127.0.0.11", () => tcp.listen(40002, "127.0.0.11", () => console.log("ready")));`;

test("a query to port 53 of the resolver is answered from that port by the redirected one, over UDP and TCP", async () => {
  const node = spawn("ip", ["netns", "exec", "a1", process.execPath, "-e", RESPONDER], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(node.stdout, "data");
    await firewall.apply({ add: [dnsRedirect("/run/netns/a1", 40001, 40002)], remove: [] });
    for (const transport of ["+notcp", "+tcp"]) {
      const dig = ["netns", "exec", "a1", "dig", "@127.0.0.11", "c2", transport, "+tries=1", "+time=2", "+noedns"];
      const { stdout } = spawnSync("ip", dig, { encoding: "utf8", timeout: 10_000 });
      assert.match(stdout, /status: NOERROR/);
      assert.match(stdout, /SERVER: 127\.0\.0\.11#53/);
    }
  } finally {
    node.kill();
    await once(node, "close");
  }
});
