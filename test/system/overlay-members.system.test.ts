/** Three hosts over etcd of three members: one that dies is not noticed but for a moment, two that are dead are an etcd that is away. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Lab } from "../lab/lab.ts";
import { Pings } from "../lab/pings.ts";
import { missingStore } from "../support/cluster-servers.ts";
import type { EtcdServers } from "../support/etcd-server.ts";
import { until } from "../support/wait.ts";
import { addressOf, CHANGE_MS, fillShop, saysAway, STORE_AWAY } from "./overlay-shop.fixture.ts";

const skip = missingStore("etcd");
let lab: Lab<EtcdServers>;

before(async () => {
  if (skip !== false) return;
  lab = await fillShop(await Lab.openWithMembers(3, { hosts: 3, ttlS: 10 }));
});
after(async () => lab?.[Symbol.asyncDispose]());

test("the member that leads is killed: changes go on from all hosts, and packets flow", { skip }, async () => {
  const [a, b, c] = [lab.host(1), lab.host(2), lab.host(3)];
  const pings = await Pings.start(a, "c1", await addressOf(b, "c2"));
  const leader = lab.store.members[await lab.store.leader()];
  assert.ok(leader);
  await leader.kill();
  for (const host of [a, b, c]) {
    const run = `run -d --net shop --name on-${host.name} busybox sleep 3600`;
    const runs = async (): Promise<boolean> =>
      (await host.does(run)) || (await host.does(`rm -f on-${host.name}`), false);
    await until(`${host.name} makes a change`, runs, CHANGE_MS);
  }
  await a.pings("c1", "on-host3");
  await c.pings("c3", "on-host1");
  await leader.start();
  assert.equal(await pings.lost(), 0);
});

test("with two members dead what is shared is refused, and taken up again when one is back", { skip }, async () => {
  const [a, b] = [lab.host(1), lab.host(2)];
  const [one, two] = lab.store.members;
  assert.ok(one && two);
  await Promise.all([one.kill(), two.kill()]);
  await until("host1 says so", async () => saysAway(a), 60_000);
  assert.match(await a.fails("network create -d overlay other"), STORE_AWAY);
  await b.pings("c2", "on-host1");
  await one.start();
  await until("host1 is back", async () => !(await saysAway(a)), 60_000);
  await a.ok("network create -d overlay other");
  await until("other on host2", async () => b.does("network inspect other"));
});
