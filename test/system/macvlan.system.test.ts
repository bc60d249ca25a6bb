/**
 * macvlan networks through the docker CLI: containers are neighbours of a host on the parent's wire, not of their own; Docker's
 * options and messages; what the host had stays.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { TestDaemon } from "../support/daemon.ts";
import { DockerLines, sh } from "../support/docker-lines.ts";

const RECEIVED = /1 packets received/;
const CREATE = "network create -d macvlan --subnet 192.0.2.0/24 --gateway 192.0.2.1";

let daemon: TestDaemon;
let docker: DockerLines;

/** The parent is one end of a wire whose other end is in another host, 192.0.2.1, which leads to 198.51.100.1. */
before(async () => {
  await sh(`
    ip netns add outside
    ip link add eth1 type veth peer name eth0 netns outside
    ip link set eth1 up
    ip -n outside link set lo up
    ip -n outside link set eth0 up
    ip -n outside address add 192.0.2.1/24 dev eth0
    ip -n outside address add 198.51.100.1/32 dev lo
  `);
  daemon = await TestDaemon.start("--live-restore");
  docker = new DockerLines(daemon);
  await docker.importBusybox();
});
after(async () => {
  await daemon[Symbol.asyncDispose]();
  await sh("ip netns del outside");
});

const eth1 = async (): Promise<string> => sh("ip -o link show dev eth1");

test("containers reach each other, a host on the wire and what is behind it; their own host is no neighbour", async () => {
  const parentBefore = await eth1();
  await docker.ok(`${CREATE} -o parent=eth1 lan`);
  await docker.ok("run -d --name c1 --network lan busybox sleep 1000");
  await docker.ok("run -d --name c2 --network lan --ip 192.0.2.77 --mac-address 02:00:00:00:00:77 busybox sleep 1000");
  assert.match(await docker.ok("exec c1 ping -c1 -W2 192.0.2.1"), RECEIVED);
  assert.match(await docker.ok("exec c1 ping -c1 -W2 198.51.100.1"), RECEIVED);
  assert.match(await docker.ok("exec c1 ping -c1 -W2 c2"), RECEIVED);
  assert.match(await docker.ok("exec c2 ping -c1 -W2 c1"), RECEIVED);
  assert.match(await sh("ip netns exec outside ping -c1 -W2 192.0.2.77"), /1 received/);
  assert.match(await sh("ip -n outside neigh show 192.0.2.77"), /lladdr 02:00:00:00:00:77/);
  const inside = `nsenter --net=${await docker.namespace("c1")}`;
  assert.match(await sh(`${inside} ip -d link show eth0`), /macvlan mode bridge/);
  const inspected = await docker.ok("network inspect -f '{{.Driver}} {{.Scope}} {{json .Options}}' lan");
  assert.equal(inspected, 'macvlan local {"parent":"eth1"}');
  assert.equal(await eth1(), parentBefore);
});

test("a container leaves and joins while it runs, and keeps its network while the daemon is killed and started again", async () => {
  await docker.ok("network disconnect lan c1");
  assert.equal(await docker.does("exec c2 ping -c1 -W1 192.0.2.2"), false);
  await docker.ok("network connect lan c1");
  assert.match(await docker.ok("exec c1 ping -c1 -W2 c2"), RECEIVED);
  await docker.ok("restart -t 0 c2");
  assert.match(await docker.ok("exec c1 ping -c1 -W2 c2"), RECEIVED);
  await daemon.stop("SIGKILL");
  assert.match(await sh("ip netns exec outside ping -c1 -W2 192.0.2.77"), /1 received/);
  await daemon.start();
  assert.match(await docker.ok("exec c1 ping -c1 -W2 c2"), RECEIVED);
  assert.match(await docker.ok("exec c2 ping -c1 -W2 192.0.2.1"), RECEIVED);
});

test("an internal network has no way out", async () => {
  await docker.ok("network create -d macvlan --internal --subnet 203.0.113.0/24 -o parent=eth1 inner");
  await docker.ok("run -d --name c3 --network inner busybox sleep 1000");
  assert.doesNotMatch(await docker.ok("exec c3 ip route"), /default/);
  // Nor is an address kept for one.
  assert.match(await docker.ok("exec c3 ip address"), /inet 203\.0\.113\.1\/24/);
  await docker.ok("rm -f c3");
  await docker.ok("network rm inner");
});

test("messages are Docker's", async () => {
  const fails = async (line: string, message: RegExp): Promise<void> => {
    assert.match(await docker.fails(line), message, line);
  };
  const other = "network create -d macvlan --subnet 203.0.113.0/24";
  await fails(
    `${other} -o parent=eth1 -o macvlan_mode=odd x`,
    /requested macvlan mode 'odd' is not valid, 'bridge' mode is the macvlan driver default/,
  );
  await fails(`${other} -o parent=lo x`, /loopback interface is not a valid macvlan parent link/);
  await fails(`${other} -o parent=eth9 x`, /invalid subinterface vlan name eth9, example formatting is eth0\.10/);
  await fails(`${other} -o parent=eth9.10 x`, /-o parent interface was not found on the host: eth9/);
  await fails(`${other} -o parent=eth1.4095 x`, /vlan id must be between 1-4094, received: 4095/);
  await fails(`${other} -o parent=eth1.x x`, /unable to parse a valid vlan id from: x \(ex\. eth0\.10 for vlan 10\)/);
  await fails(
    `${other} -o parent=eth1.1.2 x`,
    /required interface name format is: name\.vlan_id, ex\. eth0\.10 for vlan 10, instead received eth1\.1\.2/,
  );
  const lan = await docker.ok("network inspect -f '{{.Id}}' lan");
  await fails(
    `${other} -o parent=eth1 -o macvlan_mode=passthru x`,
    new RegExp(`cannot use mode passthru, macvlan network ${lan} is already using parent interface eth1`),
  );
  await fails("network create -d macvlan --ipam-driver null -o parent=eth1 x", /ipv4 pool is empty/);
});

test("private containers do not reach each other, but the wire", async () => {
  await docker.ok("rm -f c1 c2");
  await docker.ok("network rm lan");
  await docker.ok(`${CREATE} -o parent=eth1 -o macvlan_mode=private lan`);
  await docker.ok("run -d --name c1 --network lan busybox sleep 1000");
  await docker.ok("run -d --name c2 --network lan busybox sleep 1000");
  assert.match(await docker.ok("exec c1 ping -c1 -W2 192.0.2.1"), RECEIVED);
  assert.equal(await docker.does("exec c1 ping -c1 -W1 192.0.2.3"), false);
  await docker.ok("rm -f c1 c2");
  await docker.ok("network rm lan");
});

test("in mode passthru one container has the parent to itself, and gives it back", async () => {
  const parentBefore = await eth1();
  await docker.ok(`${CREATE} -o parent=eth1 -o macvlan_mode=passthru lan`);
  await docker.ok("run -d --name c1 --network lan busybox sleep 1000");
  assert.match(await docker.ok("exec c1 ping -c1 -W2 192.0.2.1"), RECEIVED);
  assert.match(
    await docker.fails("run -d --name c2 --network lan busybox sleep 1000"),
    /failed to create the macvlan port: invalid argument/,
  );
  assert.match(
    await docker.fails("network create -d macvlan --subnet 203.0.113.0/24 -o parent=eth1 x"),
    /macvlan network [0-9a-f]{64} is already using parent interface eth1 in mode passthru/,
  );
  await docker.ok("rm -f c1 c2");
  await docker.ok("network rm lan");
  assert.equal(await eth1(), parentBefore);
});
