/**
 * What a hand does to an overlay's tables on one host: taken away, altered, added. Each is put right without being asked, the log
 * says what it was, and other hosts do not notice. How long it takes is for a benchmark; here the deadline is a few seconds.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Lab } from "../lab/lab.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { Pings } from "../lab/pings.ts";
import { inNetwork, onlyNetwork, tablesOf, type Tables } from "../lab/tables.ts";
import { missingStore } from "../support/cluster-servers.ts";
import { until } from "../support/wait.ts";
import { addressOf, openShop } from "./overlay-shop.fixture.ts";

const skip = missingStore("etcd");
const REPAIR_MS = 5_000;
let lab: Lab;
let a: LabHost;
let b: LabHost;
let network: string;
let whole: Tables;

before(async () => {
  if (skip !== false) return;
  lab = await openShop("etcd");
  [a, b] = [lab.host(1), lab.host(2)];
  network = await onlyNetwork(a);
  whole = await tablesOf(a);
});
after(async () => lab?.[Symbol.asyncDispose]());

const link = async (): Promise<string> => inNetwork(a, network, "ip -d link show vxlan0");

/** Does it by hand in the network's namespace on host1; the tables are then as before, and the log names what was put right. */
async function repaired(byHand: string, said: RegExp): Promise<void> {
  const logged = a.daemon.log.length;
  await inNetwork(a, network, byHand);
  await until(`${byHand} is put right`, async () => isWhole(await tablesOf(a)), REPAIR_MS);
  await until(
    `the log says so:\n${a.daemon.log}`,
    () => said.test(a.daemon.log.slice(Math.min(logged, 3_000))),
    REPAIR_MS,
  );
  await a.pings("c1", "c2");
  await b.pings("c2", "c1");
}

function isWhole(tables: Tables): boolean {
  return JSON.stringify(tables) === JSON.stringify(whole);
}

test("a forwarding entry that was deleted is back, and the log says so", { skip }, async () => {
  const [entry = ""] = whole.forwarding;
  const [mac = ""] = entry.split(" ");
  await repaired(
    `bridge fdb del ${mac} dev vxlan0`,
    new RegExp(`the kernel differs.*ensure forwarding entry ${mac} on vxlan0`),
  );
});

test("a neighbour entry that was deleted is back, and the log says so", { skip }, async () => {
  const address = await addressOf(b, "c2");
  await repaired(`ip neigh del ${address} dev vxlan0`, new RegExp(`ensure neighbour ${address} on vxlan0`));
});

test("a VXLAN link that was deleted is back with all its entries, and the log says so", { skip }, async () => {
  const before = /vxlan id \d+ .*dstport 4789 nolearning/.exec(await link())?.[0];
  assert.notEqual(before, undefined);
  await repaired("ip link del vxlan0", /ensure link vxlan0 in br0/);
  assert.match(await link(), new RegExp(before ?? ""));
});

test("an entry that leads elsewhere is led back, and one that nobody wants goes", { skip }, async () => {
  const [entry = ""] = whole.forwarding;
  const [mac = ""] = entry.split(" ");
  await repaired(`bridge fdb replace ${mac} dev vxlan0 dst 10.99.0.77`, new RegExp(`ensure forwarding entry ${mac}`));
  await repaired(
    "bridge fdb add 02:00:00:00:00:77 dev vxlan0 dst 10.99.0.77",
    /remove forwarding entry 02:00:00:00:00:77/,
  );
});

test("a daemon that starts again changes nothing, and the others lose no packet", { skip }, async () => {
  const pings = await Pings.start(b, "c2", await addressOf(a, "c1"));
  await a.restartDaemon();
  assert.match(a.daemon.log, /networks are as intended" steps=0/);
  assert.equal(isWhole(await tablesOf(a)), true);
  assert.equal(await pings.lost(), 0);
});

test("what was done by hand while the daemon was stopped is put right as it starts", { skip }, async () => {
  await a.daemon.stop();
  await inNetwork(a, network, "ip link del vxlan0");
  await a.daemon.start();
  await until("all is as before", async () => isWhole(await tablesOf(a)), REPAIR_MS);
  await a.pings("c1", "c2");
});
