/** Two hosts over one etcd, each with a third party's plugin of scope global: networks are on both, and the plugins hear of hosts. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Lab } from "../lab/lab.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { missingStore } from "../support/cluster-servers.ts";
import { PluginOnHost } from "../support/plugin-on-host.ts";
import { until } from "../support/wait.ts";

const skip = missingStore("etcd");
const GLOBAL = { Scope: "global" };
const CHANGE_MS = 30_000;
let lab: Lab;
let a: LabHost;
let b: LabHost;
let one: PluginOnHost;
let two: PluginOnHost | undefined;

before(async () => {
  if (skip !== false) return;
  lab = await Lab.open("etcd", { hosts: 2, ttlS: 4 });
  [a, b] = [lab.host(1), lab.host(2)];
  one = await PluginOnHost.start(a, "span", GLOBAL);
});
after(async () => {
  await one?.[Symbol.asyncDispose]();
  await two?.[Symbol.asyncDispose]();
  await lab?.[Symbol.asyncDispose]();
});

const found = (Address: string, Self: boolean): unknown => ({
  DiscoveryType: 1,
  DiscoveryData: { Address, BindAddress: "", Self },
});

test("a network of a plugin of scope global is on both hosts under one id", { skip }, async () => {
  await a.ok("network create -d span -o k=v net");
  const id = await a.ok("network inspect -f {{.Id}} net");
  await until("net on the other host", async () => b.does("network inspect net"), CHANGE_MS);
  const line = "network ls --no-trunc --filter scope=global --format '{{.ID}} {{.Name}} {{.Driver}} {{.Scope}}'";
  for (const host of [a, b]) assert.equal(await host.ok(line), `${id} net span global`);
  assert.equal(await b.ok("network ls -q --filter scope=local --filter name=net"), "");
  assert.match(await b.fails("network create -d bridge net"), /network with name net already exists/);
  assert.match(
    await a.fails("network create -d span --scope local x"),
    /cannot downgrade network scope for span networks/,
  );
  assert.deepEqual(one.heard("DiscoverNew"), [found(a.address, true), found(b.address, false)]);
});

test(
  "where the plugin is missing that is said once and a container is refused; it is told when it comes",
  { skip },
  async () => {
    await until(
      "it is said",
      () => b.daemon.log.includes('by plugin span yet: plugin \\"span\\" not found'),
      CHANGE_MS,
    );
    assert.match(await b.fails("run --rm --network net busybox true"), /plugin "span" not found/);
    two = await PluginOnHost.start(b, "span", GLOBAL);
    const late = two;
    await until("the plugin is told", () => late.heard("CreateNetwork").length > 0, CHANGE_MS);
    assert.deepEqual(late.heard("CreateNetwork"), one.heard("CreateNetwork"));
    const told = new Set(late.heard("DiscoverNew").map((each) => JSON.stringify(each)));
    const all = [found(a.address, false), found(b.address, true)].map((each) => JSON.stringify(each));
    assert.deepEqual(told, new Set(all));
  },
);

test("containers on both hosts have addresses of their own and know each other's names", { skip }, async () => {
  await a.ok("run -d --name c1 --network net busybox sleep 3600");
  await b.ok("run -d --name c2 --network net busybox sleep 3600");
  const addressOf = async (host: LabHost, name: string): Promise<string> =>
    host.ok(`inspect -f {{.NetworkSettings.Networks.net.IPAddress}} ${name}`);
  const [first, second] = [await addressOf(a, "c1"), await addressOf(b, "c2")];
  assert.notEqual(first, second);
  const resolves = async (host: LabHost, own: string, other: string, address: string): Promise<boolean> =>
    (await host.daemon.docker(["exec", own, "nslookup", other])).stdout.includes(address);
  await until("c1 knows c2", async () => resolves(a, "c1", "c2", second), CHANGE_MS);
  await until("c2 knows c1", async () => resolves(b, "c2", "c1", first), CHANGE_MS);
  const shown = await a.ok("network inspect -f '{{range .Containers}}{{.Name}}={{.IPv4Address}} {{end}}' net");
  assert.match(shown, new RegExp(`c2=${second}/24`));
  assert.match(await a.fails("network rm net"), /network net has active endpoints/);
});

test("a network that one host removes is removed on the other, and its plugin told", { skip }, async () => {
  const late = two;
  assert.ok(late !== undefined);
  await a.ok("rm -f c1");
  await b.ok("rm -f c2");
  const id = await a.ok("network inspect -f {{.Id}} net");
  await a.ok("network rm net");
  await until("net is gone", async () => !(await b.does("network inspect net")), CHANGE_MS);
  await until("the plugin is told", () => late.heard("DeleteNetwork").length > 0, CHANGE_MS);
  assert.deepEqual(late.heard("DeleteNetwork"), [{ NetworkID: id }]);
  assert.deepEqual(one.heard("DeleteNetwork"), [{ NetworkID: id }]);
});

test(
  "a host that loses power and comes back is told of to the plugins, as one that went and came",
  { skip },
  async () => {
    await a.ok("network create -d span wide");
    await until("wide on the other host", () => two?.heard("CreateNetwork").length === 2, CHANGE_MS);
    await two?.[Symbol.asyncDispose]();
    two = undefined;
    await b.switchOff();
    await until("host2 is gone", () => one.heard("DiscoverDelete").length > 0, CHANGE_MS);
    assert.deepEqual(one.heard("DiscoverDelete"), [found(b.address, false)]);
    await b.switchOn();
    await until("host2 is back", () => one.heard("DiscoverNew").length === 3, CHANGE_MS);
    assert.deepEqual(one.heard("DiscoverNew")[2], found(b.address, false));
  },
);
