/**
 * Hosts that lose power and boot again, seen by those that stay: what happens to names, table entries and addresses. A host is silent
 * for 4 s before it counts as gone, and what it had stays its own for 4 more.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Lab } from "../lab/lab.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { Pings } from "../lab/pings.ts";
import { missingStore } from "../support/cluster-servers.ts";
import { until } from "../support/wait.ts";
import { addressOf, CHANGE_MS, entries, knows, openShop } from "./overlay-shop.fixture.ts";

const skip = missingStore("etcd");
let lab: Lab;
let a: LabHost;
let b: LabHost;
let c: LabHost;

before(async () => {
  if (skip !== false) return;
  lab = await openShop("etcd", { ttlS: 4, flags: ["--cluster-store-opt=discovery.grace=4"] });
  [a, b, c] = [lab.host(1), lab.host(2), lab.host(3)];
});
after(async () => lab?.[Symbol.asyncDispose]());

let lostAddress = "";

test("a host that loses power leaves names and tables everywhere; the others' packets flow on", { skip }, async () => {
  lostAddress = await addressOf(c, "c3");
  assert.equal((await entries(a, c, lostAddress)).length, 2);
  const pings = await Pings.start(a, "c1", await addressOf(b, "c2"));
  await c.switchOff();
  for (const [host, container] of [
    [a, "c1"],
    [b, "c2"],
  ] as const) {
    await until(`${host.name} forgets c3`, async () => !(await knows(host, container, "c3")), CHANGE_MS);
    assert.deepEqual(await entries(host, c, lostAddress), [], host.name);
    const peers = await host.ok("network inspect -f '{{range .Peers}}{{.Name}} {{end}}' shop");
    assert.equal(peers.trim(), "host1 host2");
  }
  assert.equal(await pings.lost(), 0);
});

test("after the grace time its address is anybody's", { skip }, async () => {
  const isTaken = async (): Promise<boolean> => {
    const { status, stderr } = await a.daemon.docker(
      `run -d --net shop --ip ${lostAddress} --name c4 busybox sleep 3600`.split(" "),
    );
    if (status === 0) return true;
    assert.match(stderr, /Address already in use/);
    await a.ok("rm -f c4");
    return false;
  };
  await until(`${lostAddress} is free`, isTaken, CHANGE_MS);
  await b.pings("c2", lostAddress);
});

test("when it boots, what restarts there gets another address and is found by its name", { skip }, async () => {
  await c.switchOn();
  await until("c3 runs", async () => (await c.ok("inspect -f {{.State.Running}} c3")) === "true", CHANGE_MS);
  assert.notEqual(await addressOf(c, "c3"), lostAddress);
  await a.pings("c1", "c3", CHANGE_MS);
  await c.pings("c3", "c2");
  await c.pings("c3", "c4");
  await a.ok("rm -f c4");
});
