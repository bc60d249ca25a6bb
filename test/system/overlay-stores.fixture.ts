/**
 * The article's scenario over three hosts, as a story in the docker CLI of each: networks backend and frontend, c1 and c2 on the one,
 * c3 on the other, c2 then on both. It is the same whatever the store is.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Lab } from "../lab/lab.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { networkNamespaces } from "../lab/tables.ts";
import { missingStore, type StoreKind } from "../support/cluster-servers.ts";
import { until } from "../support/wait.ts";

/** Registers the story's tests, over a lab of their own. */
export function articleOver(kind: StoreKind): void {
  const skip = missingStore(kind);
  let lab: Lab;
  let hosts: readonly [LabHost, LabHost, LabHost];
  before(async () => {
    if (skip !== false) return;
    lab = await Lab.open(kind, { hosts: 3 });
    hosts = [lab.host(1), lab.host(2), lab.host(3)];
  });
  after(async () => lab?.[Symbol.asyncDispose]());

  test(`${kind}: networks that two hosts make are there on all three`, { skip }, async () => {
    const [a, b] = hosts;
    const backend = await a.ok("network create -d overlay backend");
    const frontend = await b.ok("network create -d overlay frontend");
    for (const host of hosts) {
      const listed = async (): Promise<string> =>
        host.ok("network ls --no-trunc --filter driver=overlay --format '{{.Name}} {{.ID}} {{.Scope}}'");
      const expected = `backend ${backend} global\nfrontend ${frontend} global`;
      await until(`both networks on ${host.name}`, async () => (await listed()) === expected);
    }
  });

  test(`${kind}: containers on different hosts reach each other by name and by address`, { skip }, async () => {
    const [a, b, c] = hosts;
    await a.ok("run -itd --name c1 --net backend busybox");
    await b.ok("run -itd --name c2 --net backend busybox");
    await c.ok("run -itd --name c3 --net frontend busybox");
    await a.pings("c1", "c2");
    await b.pings("c2", "c1");
    await a.pings("c1", await b.ok("inspect -f {{.NetworkSettings.Networks.backend.IPAddress}} c2"));
  });

  test(`${kind}: networks are apart: c1 has no way to c3, by name or by address`, { skip }, async () => {
    const [a, , c] = hosts;
    assert.match(await a.fails("exec c1 ping -c 1 -W 1 c3"), /bad address 'c3'/);
    const address = await c.ok("inspect -f {{.NetworkSettings.Networks.frontend.IPAddress}} c3");
    assert.equal(await a.does(`exec c1 ping -c 1 -W 1 ${address}`), false);
  });

  test(`${kind}: c2 joins the other network while it runs, and leaves it again`, { skip }, async () => {
    const [a, b, c] = hosts;
    await b.ok("network connect frontend c2");
    assert.match(await b.ok("exec c2 ip -o link"), /eth0.*eth1/s);
    await b.pings("c2", "c3");
    await c.pings("c3", "c2");
    await a.pings("c1", "c2");
    assert.equal(await a.does("exec c1 ping -c 1 -W 1 c3"), false);
    await b.ok("network disconnect frontend c2");
    await until("c3 finds c2 no more", async () => !(await c.does("exec c3 nslookup c2")));
    await a.pings("c1", "c2");
  });

  test(`${kind}: networks go, everywhere, when their containers have gone, and not before`, { skip }, async () => {
    const [a, b, c] = hosts;
    assert.match(await c.fails("network rm backend"), /has active endpoints/);
    await Promise.all([a.ok("rm -f c1"), b.ok("rm -f c2"), c.ok("rm -f c3")]);
    await c.ok("network rm backend");
    await a.ok("network rm frontend");
    for (const host of hosts) {
      const listed = async (): Promise<string> => host.ok("network ls -q --filter driver=overlay");
      await until(`no network on ${host.name}`, async () => (await listed()) === "");
      assert.deepEqual(await networkNamespaces(host), [], host.name);
    }
  });
}
