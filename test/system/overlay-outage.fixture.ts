/**
 * The store goes away under three hosts and comes back, whatever it is: changes are refused with its name, docker says so, traffic
 * goes on, containers may leave, a daemon may restart, and afterwards nothing is rebuilt.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Lab } from "../lab/lab.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { Pings } from "../lab/pings.ts";
import { inNetwork, onlyNetwork } from "../lab/tables.ts";
import { Watch } from "../lab/watch.ts";
import { missingStore, type StoreKind } from "../support/cluster-servers.ts";
import { until } from "../support/wait.ts";
import { addressOf, CHANGE_MS, knows, openShop, saysAway, STORE_AWAY } from "./overlay-shop.fixture.ts";

const AWAY_MS = 60_000;

/** Registers the story's tests, over a lab of their own. */
export function outageOf(kind: StoreKind): void {
  const skip = missingStore(kind);
  let lab: Lab;
  let hosts: readonly [LabHost, LabHost, LabHost];
  let pings: Pings;
  let watch: Watch;
  let links: string;
  let left: string;
  before(async () => {
    if (skip !== false) return;
    lab = await openShop(kind, { ttlS: 10 });
    hosts = [lab.host(1), lab.host(2), lab.host(3)];
  });
  after(async () => lab?.[Symbol.asyncDispose]());

  test(`${kind} away: what is shared is refused with its name, and docker info warns`, { skip }, async () => {
    const [a, b] = hosts;
    pings = await Pings.start(a, "c1", await addressOf(b, "c2"));
    watch = await Watch.start(a, await onlyNetwork(a));
    links = await linksOf(a);
    left = await addressOf(hosts[2], "c3");
    await lab.store.kill();
    for (const host of hosts) await until(`${host.name} says so`, async () => saysAway(host), AWAY_MS);
    assert.match(await b.fails("network create -d overlay other"), STORE_AWAY);
    assert.match(await b.fails("run --rm --net shop busybox true"), STORE_AWAY);
    assert.match(await b.fails("network rm shop"), /has active endpoints|cluster store/);
    assert.equal(await b.ok("network ls -q --filter name=other"), "");
  });

  test(`${kind} away: names are answered, other networks can be made, containers run there`, { skip }, async () => {
    const [a, b] = hosts;
    await a.pings("c1", "c3");
    await b.ok("network create backend");
    await b.ok("run --rm --net backend busybox true");
    await b.ok("network rm backend");
    assert.match(await b.ok("network inspect -f '{{range .Peers}}{{.Name}} {{end}}' shop"), /host1 host2 host3/);
  });

  test(`${kind} away: a container may leave, and a daemon may restart and knows all it knew`, { skip }, async () => {
    const [a, b, c] = hosts;
    await c.ok("rm -f c3");
    await b.restartDaemon();
    assert.match(b.daemon.log, /networks are as intended" steps=0/);
    assert.equal(await b.ok("network ls --filter driver=overlay --format '{{.Name}} {{.Scope}}'"), "shop global");
    await b.pings("c2", "c1");
    await a.pings("c1", "c2");
  });

  test(`${kind} back: what left meanwhile is forgotten, changes work, and nothing was rebuilt`, { skip }, async () => {
    const [a, b, c] = hosts;
    await lab.store.start();
    for (const host of hosts) await until(`${host.name} is back`, async () => !(await saysAway(host)), AWAY_MS);
    await until("host1 forgets c3", async () => !(await knows(a, "c1", "c3")), CHANGE_MS);
    assert.equal(await pings.lost(), 0);
    // Of all that the kernel has of the network on host1, what led to c3 went, and nothing else moved.
    const lines = (await watch.lines()).filter((line) => line.includes("vxlan0"));
    assert.deepEqual(
      lines.filter((line) => ![left, c.address].some((address) => line.includes(`${address} dev vxlan0`))),
      [],
    );
    assert.match(lines.join("\n"), /^Deleted /m);
    assert.equal(await linksOf(a), links);
    await until(
      "c4 on host3",
      async () => (await c.does("run -d --net shop --name c4 busybox sleep 3600")) || (await c.does("rm -f c4"), false),
      CHANGE_MS,
    );
    await a.pings("c1", "c4");
    await b.pings("c2", "c4");
  });
}

/** With their numbers, in the network's namespace; the other ends of veth pairs are counted elsewhere. */
async function linksOf(host: LabHost): Promise<string> {
  const text = await inNetwork(host, await onlyNetwork(host), "ip -o link");
  return [...text.matchAll(/^\d+: [^:@]+/gm)].join("\n");
}
