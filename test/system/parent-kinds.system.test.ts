/**
 * Networks on what not every kernel has: ipvlan, VLANs of a parent, a dummy in place of a parent. Where the kernel has it, it
 * works, seen by ping; where it does not, the user is told, and nothing is left.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { TestDaemon } from "../support/daemon.ts";
import { DockerLines, sh } from "../support/docker-lines.ts";
import { run } from "../support/run.ts";

const RECEIVED = /1 packets received/;
const RUN = "busybox sleep 1000";

/** Tried in a namespace of its own, where what it made ends with it. */
async function kernelMakes(line: string): Promise<boolean> {
  const script = `ip link add w0 type veth peer name w1 && ip link add ${line}`;
  return (await run(["unshare", "--net", "sh", "-c", script])).status === 0;
}

const has = {
  ipvlan: await kernelMakes("link w0 name p0 type ipvlan"),
  vlan: await kernelMakes("link w0 name w0.10 type vlan id 10"),
  dummy: await kernelMakes("p0 type dummy"),
};
const needs = (kind: keyof typeof has) => ({ skip: has[kind] ? false : `this kernel has no ${kind} links` });
const lacks = (kind: keyof typeof has) => ({ skip: has[kind] ? `this kernel has ${kind} links` : false });

let daemon: TestDaemon;
let docker: DockerLines;

before(async () => {
  await sh(`
    ip netns add outside
    ip link add eth1 type veth peer name eth0 netns outside
    ip link set eth1 up
    ip -n outside link set eth0 up
    ip -n outside address add 192.0.2.1/24 dev eth0
  `);
  daemon = await TestDaemon.start();
  docker = new DockerLines(daemon);
  await docker.importBusybox();
});
after(async () => {
  await daemon[Symbol.asyncDispose]();
  await sh("ip netns del outside");
});

const links = async (): Promise<string> => sh("ip -o link | cut -d: -f2");

test("ipvlan containers reach each other and the wire under the parent's MAC", needs("ipvlan"), async () => {
  await docker.ok("network create -d ipvlan --subnet 192.0.2.0/24 --gateway 192.0.2.1 -o parent=eth1 lan");
  await docker.ok(`run -d --name c1 --network lan ${RUN}`);
  await docker.ok(`run -d --name c2 --network lan ${RUN}`);
  assert.match(await docker.ok("exec c1 ping -c1 -W2 192.0.2.1"), RECEIVED);
  assert.match(await docker.ok("exec c1 ping -c1 -W2 c2"), RECEIVED);
  const mac = /link\/ether (\S+)/.exec(await sh("ip link show eth1"))?.[1] ?? "";
  assert.match(await sh("ip -n outside neigh show 192.0.2.2"), new RegExp(mac));
  assert.match(
    await docker.fails("network create -d ipvlan --subnet 203.0.113.0/24 -o parent=eth1 x"),
    /network di-[0-9a-f]{12} is already using parent interface eth1/,
  );
  await docker.ok("rm -f c1 c2");
  await docker.ok("network rm lan");
});

test("ipvlan containers in mode l3 have the interface as their default route", needs("ipvlan"), async () => {
  await docker.ok("network create -d ipvlan -o ipvlan_mode=l3 --subnet 198.51.100.0/24 -o parent=eth1 far");
  await docker.ok(`run -d --name c1 --network far ${RUN}`);
  assert.match(await docker.ok("exec c1 ip route"), /^default dev eth0/m);
  await sh("ip -n outside route add 198.51.100.0/24 dev eth0");
  assert.match(await docker.ok("exec c1 ping -c1 -W2 192.0.2.1"), RECEIVED);
  await docker.ok("rm -f c1");
  await docker.ok("network rm far");
});

test("an ipvlan network has no MAC to choose", async () => {
  await docker.ok("network create -d ipvlan --subnet 192.0.2.0/24 -o parent=eth1 lan");
  assert.match(
    await docker.fails(`run -d --name c1 --network lan --mac-address 02:00:00:00:00:01 ${RUN}`),
    /failed to create endpoint c1 on network lan: ipvlan interfaces do not support custom mac address assignment/,
  );
  await docker.ok("rm -f c1");
  await docker.ok("network rm lan");
});

test("a kernel without ipvlan is named when a container starts", lacks("ipvlan"), async () => {
  const before = await links();
  await docker.ok("network create -d ipvlan --subnet 192.0.2.0/24 -o parent=eth1 lan");
  assert.match(
    await docker.fails(`run -d --name c1 --network lan ${RUN}`),
    /create link eth0: this kernel has no ipvlan links \(module ipvlan\)/,
  );
  await docker.ok("rm -f c1");
  await docker.ok("network rm lan");
  assert.equal(await links(), before);
});

test("VLAN 10 of a parent is made with the first network on it, and goes with the last", needs("vlan"), async () => {
  const create = "network create -d macvlan -o parent=eth1.10 --subnet";
  await docker.ok(`${create} 203.0.113.0/24 one`);
  await docker.ok(`${create} 198.51.100.0/24 two`);
  assert.match(await sh("ip -d link show eth1.10"), /vlan protocol 802\.1Q id 10/);
  await sh("ip -n outside link add link eth0 name eth0.10 type vlan id 10");
  await sh("ip -n outside link set eth0.10 up; ip -n outside address add 203.0.113.1/24 dev eth0.10");
  await docker.ok(`run -d --name c1 --network one --ip 203.0.113.9 ${RUN}`);
  assert.match(await docker.ok("exec c1 ping -c1 -W2 203.0.113.1"), RECEIVED);
  await docker.ok("network rm two");
  assert.match(await docker.ok("exec c1 ping -c1 -W2 203.0.113.1"), RECEIVED);
  await docker.ok("rm -f c1");
  await docker.ok("network rm one");
  assert.doesNotMatch(await links(), /eth1\.10/);
});

test("a kernel without VLANs is named when the network is made, and nothing is left", lacks("vlan"), async () => {
  const before = await links();
  assert.match(
    await docker.fails("network create -d macvlan -o parent=eth1.10 --subnet 203.0.113.0/24 one"),
    /create network one: create link eth1\.10: this kernel has no vlan links \(module 8021q\)/,
  );
  assert.equal(await links(), before);
  assert.equal(await docker.does("network inspect one"), false);
});

test("without a parent, containers reach each other and nobody else", needs("dummy"), async () => {
  await docker.ok("network create -d macvlan --subnet 203.0.113.0/24 alone");
  assert.match(await sh("ip -d link show type dummy"), /dm-[0-9a-f]{12}/);
  await docker.ok(`run -d --name c1 --network alone ${RUN}`);
  await docker.ok(`run -d --name c2 --network alone ${RUN}`);
  assert.match(await docker.ok("exec c1 ping -c1 -W2 c2"), RECEIVED);
  assert.doesNotMatch(await docker.ok("exec c1 ip route"), /default/);
  await docker.ok("rm -f c1 c2");
  await docker.ok("network rm alone");
  assert.equal(await sh("ip -d link show type dummy"), "");
});

test(
  "a kernel without dummy links is named when the network is made, and nothing is left",
  lacks("dummy"),
  async () => {
    const before = await links();
    assert.match(
      await docker.fails("network create -d macvlan --subnet 203.0.113.0/24 alone"),
      /create network alone: create link dm-[0-9a-f]{12}: this kernel has no dummy links \(module dummy\)/,
    );
    assert.equal(await links(), before);
  },
);
