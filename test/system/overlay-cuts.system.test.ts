/**
 * Hosts that are cut off, wholly or from some: what they keep among themselves, what the others see of them, and that all is as it was
 * when the cut is healed. A host is silent for 4 s before it counts as gone.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Lab } from "../lab/lab.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { Pings } from "../lab/pings.ts";
import { missingStore } from "../support/cluster-servers.ts";
import { until } from "../support/wait.ts";
import { addressOf, CHANGE_MS, entries, knows, openShop, saysAway, STORE_AWAY } from "./overlay-shop.fixture.ts";

const skip = missingStore("etcd");
let lab: Lab;
let a: LabHost;
let b: LabHost;
let c: LabHost;

before(async () => {
  if (skip !== false) return;
  lab = await openShop("etcd", { ttlS: 4 });
  [a, b, c] = [lab.host(1), lab.host(2), lab.host(3)];
});
after(async () => lab?.[Symbol.asyncDispose]());

test("a host whose cable is pulled keeps its own traffic and hands out no address", { skip }, async () => {
  await c.ok("run -d --net shop --name c5 busybox sleep 3600");
  const address = await addressOf(c, "c3");
  const pings = await Pings.start(c, "c5", address);
  await c.setCable("down");
  await until("host1 forgets c3", async () => !(await knows(a, "c1", "c3")), CHANGE_MS);
  await until("host3 knows that it is cut off", async () => saysAway(c), CHANGE_MS);
  assert.match(await c.fails("run --rm --net shop busybox true"), STORE_AWAY);
  assert.equal(await knows(c, "c5", "c3"), true);
  assert.equal(await pings.lost(), 0);
});

test("plugged in again it is found with what it still runs, as it was", { skip }, async () => {
  const started = await c.ok("inspect -f {{.State.StartedAt}} c3");
  const address = await addressOf(c, "c3");
  await c.setCable("up");
  await a.pings("c1", "c3", CHANGE_MS);
  await b.pings("c2", "c5", CHANGE_MS);
  assert.equal(await c.ok("inspect -f {{.State.StartedAt}} c3"), started);
  assert.equal(await addressOf(c, "c3"), address);
  assert.equal((await entries(a, c, address)).length, 3);
  await c.ok("rm -f c5");
});

test(
  "hosts that reach each other but not the store go on talking, and agree with the others afterwards",
  { skip },
  async () => {
    const pings = await Pings.start(b, "c2", await addressOf(c, "c3"));
    await b.cutFrom("store");
    await c.cutFrom("store");
    await until(
      "host1 forgets both",
      async () => !(await knows(a, "c1", "c2")) && !(await knows(a, "c1", "c3")),
      CHANGE_MS,
    );
    await until("host2 knows that it is cut off", async () => saysAway(b), CHANGE_MS);
    assert.match(await b.fails("run --rm --net shop busybox true"), STORE_AWAY);
    await pings.goOn();
    await b.healTo("store");
    await c.healTo("store");
    await a.pings("c1", "c2", CHANGE_MS);
    await a.pings("c1", "c3", CHANGE_MS);
    assert.equal(await pings.lost(), 0);
  },
);

test("two hosts that do not reach each other are both still there for the third, and heal", { skip }, async () => {
  await a.cutFrom(b);
  assert.equal(await a.does("exec c1 ping -c 1 -W 1 c2"), false);
  await a.pings("c1", "c3");
  await b.pings("c2", "c3");
  assert.equal(await knows(a, "c1", "c2"), true);
  await a.healTo(b);
  await a.pings("c1", "c2");
});
