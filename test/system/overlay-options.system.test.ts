/**
 * What can be said of a network over several hosts, by the real docker CLI on two of them: several subnets, addresses asked for,
 * IPv6, VXLAN ids, MTU, internal networks, published ports, and containers that connect and disconnect while they run.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Lab } from "../lab/lab.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { inNetwork, onlyNetwork } from "../lab/tables.ts";
import { missingStore } from "../support/cluster-servers.ts";
import { until } from "../support/wait.ts";

const skip = missingStore("etcd");
let all: Lab | undefined;
let a: LabHost;
let b: LabHost;

before(async () => {
  if (skip !== false) return;
  all = await Lab.open("etcd", { hosts: 2 });
  [a, b] = [all.host(1), all.host(2)];
});
after(async () => all?.[Symbol.asyncDispose]());

/** On the first host; resolves when the second has it too. */
async function create(name: string, options = ""): Promise<void> {
  await a.ok(`network create -d overlay ${options === "" ? "" : `${options} `}${name}`);
  await until(`${name} on the other host`, async () => await b.does(`network inspect ${name}`));
}

async function pings(host: LabHost, from: string, to: string): Promise<void> {
  await until(`${from} on ${host.name} pings ${to}`, async () => {
    return await host.does(`exec ${from} ping -c 1 -W 1 ${to}`);
  });
}

async function removeAll(network: string): Promise<void> {
  for (const host of [a, b]) {
    const ids = (await host.ok("ps -aq")).split("\n").filter((id) => id !== "");
    if (ids.length > 0) await host.ok(`rm -f ${ids.join(" ")}`);
  }
  await a.ok(`network rm ${network}`);
}

test("several subnets reach each other through their gateways, and addresses asked for are had", { skip }, async () => {
  await create("two", "--subnet 10.11.0.0/24 --subnet 10.12.0.0/24");
  await a.ok("run -d --net two --ip 10.11.0.9 --name c1 busybox sleep 3600");
  await b.ok("run -d --net two --ip 10.12.0.9 --name c2 busybox sleep 3600");
  await b.ok("run -d --net two --ip 10.11.0.10 --name c3 busybox sleep 3600");
  await pings(a, "c1", "10.11.0.10");
  await pings(a, "c1", "10.12.0.9");
  await pings(b, "c2", "c1");
  assert.match(await b.fails("run --net two --ip 10.11.0.9 busybox true"), /Address already in use/);
  await removeAll("two");
});

test("IPv6 reaches over hosts", { skip }, async () => {
  await create("six", "--ipv6 --subnet fd00:77::/64");
  await a.ok("run -d --net six --name c1 busybox sleep 3600");
  await b.ok("run -d --net six --name c2 busybox sleep 3600");
  const address = await b.ok("inspect -f {{.NetworkSettings.Networks.six.GlobalIPv6Address}} c2");
  assert.match(address, /^fd00:77::/);
  await until("c1 pings it", async () => await a.does(`exec c1 ping -6 -c 1 -W 1 ${address}`));
  await pings(a, "c1", "c2");
  await removeAll("six");
});

test("a VXLAN id asked for is had, once in the cluster, and the MTU leaves room for the tunnel", { skip }, async () => {
  const id = "com.docker.network.driver.overlay.vxlanid_list=777";
  await create("named", `-o ${id} -o com.docker.network.driver.mtu=1400`);
  assert.match(await b.fails(`network create -d overlay -o ${id} other`), /vxlan id 777/i);
  await a.ok("run -d --net named --name c1 busybox sleep 3600");
  assert.match(await a.ok("exec c1 ip link show eth0"), /mtu 1350/);
  const link = await inNetwork(a, await onlyNetwork(a), "ip -d link show vxlan0");
  assert.match(link, /vxlan id 777 local 10\.99\.0\.1 .*dstport 4789 nolearning/s);
  await removeAll("named");
});

test("the way out and published ports are the host's; an internal network has none", { skip }, async () => {
  await create("open");
  await a.ok("run -d --net open --name c1 -p 8080:80 busybox httpd -f");
  assert.match(await a.ok("exec c1 ip route"), /^default via .* dev eth1/m);
  await until("the other host reaches the port", async () => {
    const page = ["-s", "-m", "2", "-w", "%{http_code}", "-o", "/dev/null", "http://10.99.0.1:8080/"];
    return (await b.run("curl", ...page)).stdout === "404";
  });
  await pings(a, "c1", "10.99.0.254");
  await removeAll("open");
  await create("closed", "--internal");
  await a.ok("run -d --net closed --name c1 busybox sleep 3600");
  await b.ok("run -d --net closed --name c2 busybox sleep 3600");
  await pings(a, "c1", "c2");
  assert.doesNotMatch(await a.ok("exec c1 ip route"), /default/);
  await removeAll("closed");
});

test("containers connect and disconnect while they run, under names of their own", { skip }, async () => {
  await create("shop", "--attachable");
  await a.ok("run -d --name c1 busybox sleep 3600");
  await b.ok("run -d --net shop --name c2 busybox sleep 3600");
  await a.ok("network connect --alias web shop c1");
  await pings(b, "c2", "web");
  await a.ok("rename c1 c9");
  await pings(b, "c2", "c9");
  await a.ok("network disconnect shop c9");
  await until("web is unknown", async () => !(await b.does("exec c2 nslookup web")));
  await removeAll("shop");
});

test("inspect tells who is where", { skip }, async () => {
  await create("seen");
  await a.ok("run -d --net seen --name c1 busybox sleep 3600");
  await b.ok("run -d --net seen --name c2 busybox sleep 3600");
  await until("c2 shows", async () => (await a.ok("network inspect seen")).includes('"c2"'));
  const peers = await a.ok("network inspect -f {{range.Peers}}{{.Name}}={{.IP}},{{end}} seen");
  assert.match(peers, /host1/);
  assert.match(peers, /10\.99\.0\.2/);
  await removeAll("seen");
});
