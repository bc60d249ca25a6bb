/** Two plain Docker hosts with Debian's dockerd, `causeway plugin` and one etcd: one network, by address and by name. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { missingStore } from "../support/cluster-servers.ts";
import { withoutDockerd } from "../support/dockerd.ts";
import { PluginHosts, type PluginHost } from "../support/plugin-hosts.ts";
import { until } from "../support/wait.ts";

const skip = withoutDockerd() ?? missingStore("etcd");
const CREATE = "network create -d causeway --ipam-driver causeway --ipam-opt causeway.network=shop shop";
const RECEIVED = /1 packets received/;

let all: PluginHosts;
let one: PluginHost;
let two: PluginHost;

before(async () => {
  if (skip !== false) return;
  all = await PluginHosts.start(2);
  [one, two] = [all.host(1), all.host(2)];
});
after(async () => all?.[Symbol.asyncDispose]());

async function addressOf(host: PluginHost, container: string): Promise<string> {
  return host.ok(`inspect -f {{.NetworkSettings.Networks.shop.IPAddress}} ${container}`);
}

test("containers of two dockerds reach each other by address", { skip }, async () => {
  await one.ok(CREATE);
  await two.ok(CREATE);
  await one.ok("run -d --name c1 --network shop --dns 127.0.0.12 busybox sleep 1000");
  await two.ok("run -d --name c2 --network shop --dns 127.0.0.12 busybox sleep 1000");
  const [first, second] = [await addressOf(one, "c1"), await addressOf(two, "c2")];
  assert.notEqual(first, second);
  assert.match(await one.ok(`exec c1 ping -c1 -W3 ${second}`), RECEIVED);
  assert.match(await two.ok(`exec c2 ping -c1 -W3 ${first}`), RECEIVED);
});

test("and by name", { skip }, async () => {
  await until("c2 is known on host1", () => one.does("exec c1 ping -c1 -W3 c2"));
  await until("c1 is known on host2", () => two.does("exec c2 ping -c1 -W3 c1"));
});
