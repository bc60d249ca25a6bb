/** Announcements on a real wire, judged by tcpdump and by the neighbour tables of the kernel at its other end. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { parseAddress } from "../addr/ip-address.ts";
import { parseMac } from "../addr/mac-address.ts";
import type { Kernel } from "./kernel.ts";
import { json, openFds, requirePrivateNamespace, sh, succeeds, until } from "./testing/netns.ts";
import { openKernelThread } from "./thread.ts";

const NS = "/run/netns/announce";
const MAC = "02:42:ac:12:00:02";
const ADDRESSES = ["10.9.0.2", "fd09::2"] as const;

let kernel: Kernel;

before(async () => {
  requirePrivateNamespace();
  kernel = await openKernelThread();
  sh(`ip netns add announce
    ip link add wire type veth peer name eth0 address ${MAC} netns announce
    ip addr add 10.9.0.1/24 dev wire; ip addr add fd09::1/64 dev wire nodad; ip link set wire up
    ip -n announce addr add 10.9.0.2/24 dev eth0; ip -n announce addr add fd09::2/64 dev eth0 nodad
    ip -n announce link set eth0 up`);
});

after(async () => {
  await kernel[Symbol.asyncDispose]();
  sh("ip netns del announce");
});

const announcement = { link: "eth0", mac: parseMac(MAC), addresses: ADDRESSES.map((text) => parseAddress(text)) };

function macOf(address: string): unknown {
  return json("ip -j neigh show dev wire").find(({ dst }) => dst === address)?.["lladdr"];
}

test("a neighbour that remembers another station forgets it at once", { timeout: 20_000 }, async () => {
  for (const address of ADDRESSES) sh(`ip neigh replace ${address} lladdr 02:00:00:00:00:99 nud stale dev wire`);
  // The kernel does not believe two changes within a second (LOCKTIME); an announcement is exempt for ARP.
  await kernel.announce(NS, [announcement]);
  await until("both tables name the new station", () => ADDRESSES.every((address) => macOf(address) === MAC));
});

test(
  "tcpdump reads an ARP announcement and a neighbour advertisement with a good checksum",
  { timeout: 20_000 },
  async () => {
    const dump = spawn("tcpdump", ["-i", "wire", "-evvnlU", "-c2", `ether src ${MAC} and (arp or ip6[40] == 136)`]);
    let printed = "";
    let ready = "";
    dump.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    dump.stderr.on("data", (chunk: Buffer) => (ready += chunk.toString()));
    const ended = new Promise((resolve) => dump.once("close", resolve));
    await until("tcpdump listens", () => ready.includes("listening on"));
    await kernel.announce(NS, [announcement]);
    await ended;
    assert.match(printed, /ethertype ARP .* Request who-has 10\.9\.0\.2 tell 10\.9\.0\.2/);
    assert.match(
      printed,
      /hlim 255, next-header ICMPv6.*fd09::2 > ff02::1: \[icmp6 sum ok\] ICMP6, neighbor advertisement/s,
    );
    assert.match(printed, /tgt is fd09::2, Flags \[override\]/);
    assert.match(printed, /destination link-address option \(2\), length 8 \(1\): 02:42:ac:12:00:02/);
  },
);

test("a link that is not there is said by name, and no descriptor stays open", async () => {
  const before = openFds();
  await assert.rejects(kernel.announce(NS, [{ ...announcement, link: "eth9" }]), /announce addresses of eth9: ENODEV/);
  await kernel.announce(NS, [announcement, announcement]);
  await kernel.announce(NS, []);
  assert.equal(openFds(), before);
  assert.ok(succeeds("ip netns exec announce ping -c1 -W2 10.9.0.1"));
});
