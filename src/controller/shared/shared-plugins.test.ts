/** Networks of plugins of scope global: every host of the cluster has them, and each host's own plugin is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAddress } from "../../addr/ip-address.ts";
import { parsePrefix } from "../../addr/prefix.ts";
import { PluginDrivers } from "../../drivers/remote/plugin-drivers.ts";
import type { Script, ScriptedPlugin } from "../../drivers/remote/testing/scripted-plugin.ts";
import { until } from "../../../test/support/wait.ts";
import { FakeHosts, type FakeHost } from "../testing/fake-hosts.ts";
import { startLinkingPlugin } from "../testing/linking-plugin.ts";

const GLOBAL: Record<string, Script> = {
  "NetworkDriver.GetCapabilities": () => ({ Scope: "global" }),
};

interface Scene {
  readonly hosts: FakeHosts;
  readonly a: FakeHost;
  readonly b: FakeHost;
  /** Of a and of b. */
  readonly plugins: readonly [ScriptedPlugin, ScriptedPlugin];
}

async function withHosts(body: (scene: Scene) => Promise<void>): Promise<void> {
  await using hosts = await FakeHosts.open(2);
  await using stack = new AsyncDisposableStack();
  const started: ScriptedPlugin[] = [];
  for (const host of hosts.hosts) {
    const plugin = stack.use(await startLinkingPlugin(host.parts.kernel, { scripts: GLOBAL }));
    await host.close();
    host.parts.plugins = stack.use(new PluginDrivers(plugin.options));
    await host.open();
    started.push(plugin);
  }
  const [one, two] = started;
  assert.ok(one !== undefined && two !== undefined);
  await body({ hosts, a: hosts.host(1), b: hosts.host(2), plugins: [one, two] });
}

const hears = (plugin: ScriptedPlugin, method: string): readonly unknown[] =>
  plugin.calls.filter((call) => call.method === `NetworkDriver.${method}`).map(({ request }) => request);

const has = ({ controller }: FakeHost, name: string): boolean =>
  controller.networks().some((network) => network.name === name);

const namesOf = ({ parts }: FakeHost): readonly string[] =>
  [...parts.dns.endpoints.values()].flatMap(({ names }) => names).sort();

const addressOf = ({ controller }: FakeHost, name: string): string =>
  controller
    .endpoints()
    .filter((endpoint) => endpoint.name === name)
    .flatMap(({ addresses }) => addresses.map(({ address }) => formatAddress(address)))
    .join();

test("a network made on one host has one id, and every host's plugin is told of it, hosts first", async () => {
  await withHosts(async ({ a, b, plugins: [one, two] }) => {
    const made = await a.controller.createNetwork({ name: "net", driver: "plug", options: { k: "v" } });
    assert.equal(made.scope, "global");
    assert.equal(made.pools[0]?.vni, undefined);
    await until("b's plugin is told", () => hears(two, "CreateNetwork").length > 0);
    assert.deepEqual(hears(two, "CreateNetwork"), hears(one, "CreateNetwork"));
    assert.deepEqual(two.methods, ["DiscoverNew", "DiscoverNew", "CreateNetwork"]);
    assert.deepEqual(b.controller.findNetwork("net"), made);

    await a.controller.createSandbox(a.parts.spec("c1", "net"));
    const { id } = await b.controller.createSandbox(b.parts.spec("c2", "net"));
    await until("names are known on both", () => namesOf(a).includes("c2") && namesOf(b).includes("c1"));
    assert.notEqual(addressOf(a, "c1"), addressOf(b, "c2"));
    await assert.rejects(a.controller.removeNetwork("net"), /network net has active endpoints/);
    for (const { id: own } of a.controller.sandboxes()) await a.controller.removeSandbox(own);
    await assert.rejects(a.controller.removeNetwork("net"), /network net has active endpoints \(name:"c2"/);
    await b.controller.removeSandbox(id);
    await a.controller.removeNetwork("net");
    await until("b's plugin is told", () => hears(two, "DeleteNetwork").length > 0);
    assert.deepEqual(hears(two, "DeleteNetwork"), [{ NetworkID: made.id }]);
    assert.equal(has(b, "net"), false);
    assert.deepEqual(hears(one, "DeleteNetwork"), [{ NetworkID: made.id }]);
  });
});

test("a plugin's own addresses are asked for in its global space, on each host of the host's own plugin", async () => {
  await withHosts(async ({ a, b, plugins: [one, two] }) => {
    await a.controller.createNetwork({ name: "net", driver: "plug", ipam: { driver: "plug" } });
    assert.match(JSON.stringify(one.calls), /"AddressSpace":"G"/);
    await until("b has it", () => hears(two, "CreateNetwork").length > 0);
    assert.match(JSON.stringify(hears(two, "CreateNetwork")), /"AddressSpace":"G"/);
    assert.equal(two.methods.includes("RequestPool"), false);
    const { id } = await b.controller.createSandbox(b.parts.spec("c2", "net"));
    assert.equal(two.methods.includes("RequestAddress"), true);
    await b.controller.removeSandbox(id);
    await b.controller.removeNetwork("net");
    assert.equal(two.methods.includes("ReleasePool"), true);
    await until("a's plugin is told", () => hears(one, "DeleteNetwork").length > 0);
    assert.equal(one.methods.includes("ReleasePool"), false);
  });
});

test("a plugin that is missing on a host is said once there, and told when it comes, or when a container needs it", async () => {
  await withHosts(async ({ a, b, plugins: [, two] }) => {
    await two.stop();
    await a.controller.createNetwork({ name: "net", driver: "plug" });
    await a.controller.createNetwork({ name: "gone", driver: "plug" });
    await until("b has both", () => has(b, "net") && has(b, "gone"));
    const said = (name: string): number =>
      b.parts.messages.filter((text) => text.startsWith(`network ${name} (`)).length;
    await until("it is said", () => said("net") === 1);
    await assert.rejects(b.controller.createSandbox(b.parts.spec("c2", "net")), /plugin "plug" not found/);
    await a.controller.removeNetwork("gone");
    await until("gone is gone", () => !has(b, "gone"));
    await two.listen();
    await b.controller.createSandbox(b.parts.spec("c2", "net"));
    assert.equal(hears(two, "CreateNetwork").length, 1);
    assert.equal(said("net"), 1);
    await until("nothing is owed", () => b.parts.store.list("owed-plugin-calls").length === 0);
    assert.equal(hears(two, "CreateNetwork").length, 1);
  });
});

test("a network of scope global that a host made before it came to the cluster stays its own", async () => {
  await using all = await FakeHosts.open(1);
  const a = all.host(1);
  await using plugin = await startLinkingPlugin(a.parts.kernel, { scripts: GLOBAL });
  using plugins = new PluginDrivers(plugin.options);
  await a.close();
  a.parts.plugins = plugins;
  Object.assign(a.parts, { cluster: undefined });
  const alone = await a.parts.open();
  const made = await alone.createNetwork({ name: "net", driver: "plug" });
  await alone[Symbol.asyncDispose]();
  await a.open();
  await a.controller.createNetwork({ name: "shared", driver: "plug" });
  assert.deepEqual(a.controller.findNetwork("net"), made);
  assert.deepEqual(a.parts.messages, []);
  assert.deepEqual(
    a.parts.cluster?.networks().map(({ name }) => name),
    ["shared"],
  );
  await a.controller.createSandbox(a.parts.spec("c1", "net"));
  for (const { id } of a.controller.sandboxes()) await a.controller.removeSandbox(id);
  for (const name of ["net", "shared"]) await a.controller.removeNetwork(name);
  assert.equal(hears(plugin, "DeleteNetwork").length, 2);
  const subnet = parsePrefix("10.0.0.0/24");
  for (const name of ["one", "two"]) {
    await a.controller.createNetwork({ name, driver: "plug", ipam: { pools: [{ family: 4, subnet }] } });
    await a.controller.removeNetwork(name);
  }
});

test("a host that starts again tells its plugin of what came while it was away, and of nothing twice", async () => {
  await withHosts(async ({ a, b, plugins: [, two] }) => {
    await a.controller.createNetwork({ name: "old", driver: "plug" });
    await until("b's plugin is told", () => hears(two, "CreateNetwork").length === 1);
    await b.close();
    const { id } = await a.controller.createNetwork({ name: "new", driver: "plug" });
    await a.controller.removeNetwork("old");
    await b.open();
    await until("b's plugin is told", () => hears(two, "CreateNetwork").length === 2);
    await until("of both", () => hears(two, "DeleteNetwork").length === 1);
    assert.match(JSON.stringify(hears(two, "CreateNetwork")[1]), new RegExp(id));
    assert.deepEqual(
      b.controller
        .networks()
        .filter(({ driver }) => driver === "plug")
        .map(({ name }) => name),
      ["new"],
    );
  });
});
