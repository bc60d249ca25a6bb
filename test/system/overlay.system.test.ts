/**
 * One network over several hosts, typed into the real docker CLI of each: they share it through etcd, and their containers reach
 * each other by name and address. The tests are lines of one story and share their hosts.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Lab } from "../lab/lab.ts";
import type { LabHost } from "../lab/lab-host.ts";
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

const names = async (host: LabHost): Promise<readonly string[]> =>
  (await host.ok("network ls --format {{.Name}}")).split("\n");

/** A name may take a moment to reach the other host. */
async function pings(host: LabHost, from: string, to: string): Promise<void> {
  await until(`${from} on ${host.name} pings ${to}`, async () => {
    return await host.does(`exec ${from} ping -c 1 -W 1 ${to}`);
  });
}

test("a network that one host makes is there on the other", { skip }, async () => {
  const id = await a.ok("network create -d overlay shop");
  await until("shop on the other host", async () => (await names(b)).includes("shop"));
  assert.equal(await b.ok("network inspect -f {{.Id}} shop"), id);
  assert.equal(await b.ok("network inspect -f {{.Scope}} shop"), "global");
  assert.match(await b.fails("network create -d overlay shop"), /network with name shop already exists/);
});

test("containers on two hosts reach each other by name and by address", { skip }, async () => {
  await a.ok("run -d --net shop --name c1 busybox sleep 3600");
  await b.ok("run -d --net shop --name c2 --network-alias db busybox sleep 3600");
  await pings(b, "c2", "c1");
  await pings(a, "c1", "c2");
  await pings(a, "c1", "db");
  const address = await b.ok("inspect -f {{.NetworkSettings.Networks.shop.IPAddress}} c2");
  assert.match(await a.ok(`exec c1 ping -c 3 -W 1 ${address}`), /3 packets received/);
  assert.match(await a.ok(`exec c1 nslookup ${address}`), /c2\.shop/);
});

test("the network cannot be removed while another host has an endpoint on it", { skip }, async () => {
  await a.ok("rm -f c1");
  assert.match(await a.fails("network rm shop"), /network shop .*has active endpoints/);
  await a.ok("run -d --net shop --name c1 busybox sleep 3600");
});

test("a name is given once on a network, whichever host asks", { skip }, async () => {
  assert.match(await a.fails("run -d --net shop --name c2 busybox true"), /endpoint with name c2 already exists/);
  await a.ok("rm -f c2");
});

test("a container that is gone is found by nobody", { skip }, async () => {
  await b.ok("rm -f c2");
  await until("c2 has no address any more", async () => !(await a.does("exec c1 nslookup c2")));
});

test("the network goes from both hosts when nobody is on it", { skip }, async () => {
  await a.ok("rm -f c1");
  await b.ok("network rm shop");
  await until("shop is gone from the other host", async () => !(await names(a)).includes("shop"));
  for (const host of [a, b]) {
    const links = await host.run("ip", "-o", "link");
    assert.doesNotMatch(links.stdout, /vxlan/, host.name);
  }
});
