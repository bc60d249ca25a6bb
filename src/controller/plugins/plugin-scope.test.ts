/** What a plugin declares of itself: a scope, that it wants no gateway; and what becomes of networks that a crash or silence cut short. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PluginDrivers } from "../../drivers/remote/plugin-drivers.ts";
import { hangs, HANDLED, type Script, type ScriptedPlugin } from "../../drivers/remote/testing/scripted-plugin.ts";
import { until } from "../../../test/support/wait.ts";
import type { Controller } from "../controller.ts";
import { FakeParts } from "../testing/fake-parts.ts";
import { startLinkingPlugin, type LinkingOptions } from "../testing/linking-plugin.ts";

interface Scene {
  readonly parts: FakeParts;
  readonly plugin: ScriptedPlugin;
  readonly controller: Controller;
}

async function withPlugin(options: LinkingOptions, body: (scene: Scene) => Promise<void>): Promise<void> {
  await using parts = await FakeParts.create();
  await using plugin = await startLinkingPlugin(parts.kernel, options);
  using plugins = new PluginDrivers({ ...plugin.options, callTimeoutMs: 500 });
  parts.plugins = plugins;
  await body({ parts, plugin, controller: await parts.open() });
}

const declares = (capabilities: object): Record<string, Script> => ({
  "NetworkDriver.GetCapabilities": () => capabilities,
});

function asked(plugin: ScriptedPlugin, method: string): readonly unknown[] {
  return plugin.calls.filter((call) => call.method === method).map(({ request }) => request);
}

const spacesTold = (plugin: ScriptedPlugin): unknown =>
  asked(plugin, "NetworkDriver.CreateNetwork").map(
    (request) => JSON.stringify(request).match(/"AddressSpace":"(\w+)"/)?.[1],
  );

test("without a cluster a network of a plugin of scope global is this host's; a plugin's addresses are from its global space", async () => {
  await withPlugin({ scripts: declares({ Scope: "global" }) }, async ({ parts, plugin, controller }) => {
    const before = parts.state();
    const own = await controller.createNetwork({ name: "g1", driver: "plug", ipam: { driver: "plug" } });
    assert.equal(own.scope, "global");
    assert.match(JSON.stringify(asked(plugin, "IpamDriver.RequestPool")), /"AddressSpace":"G"/);
    const ours = await controller.createNetwork({ name: "g2", driver: "plug", scope: "global" });
    assert.match(ours.pools[0]?.poolId ?? "", /^LocalDefault\//);
    assert.deepEqual(spacesTold(plugin), ["G", "GlobalDefault"]);
    await assert.rejects(controller.createNetwork({ name: "g3", driver: "plug", scope: "local" }), {
      message: "cannot downgrade network scope for plug networks",
    });
    const again = await parts.open();
    assert.deepEqual(again.findNetwork("g2"), ours);
    const { endpoints } = await again.createSandbox(parts.spec("c1", "g2"));
    assert.equal(endpoints[0]?.endpoint.addresses.length, 1);
    await again.removeSandbox(again.sandboxes()[0]?.id ?? "");
    for (const name of ["g1", "g2"]) await again.removeNetwork(name);
    assert.deepEqual(withoutGateway(parts.state()), withoutGateway(before));
  });
});

/** docker_gwbridge stays once it was made. */
function withoutGateway(state: unknown): unknown {
  const { endpoints, sandboxes, served, ports } = Object.fromEntries(Object.entries(state ?? {}));
  return { endpoints, sandboxes, served, ports };
}

test("a plugin that checks gateways is asked before one is leased, and its answer holds over a restart", async () => {
  const options = (request: { Options: Record<string, Record<string, string>> }): Record<string, string> =>
    request.Options["com.docker.network.generic"] ?? {};
  const scripts = {
    ...declares({ Scope: "local", GwAllocChecker: true }),
    "NetworkDriver.GwAllocCheck": (request: { Options: Record<string, Record<string, string>> }) => ({
      SkipIPv4: options(request)["skip4"] === "yes",
      SkipIPv6: options(request)["skip6"] === "yes",
    }),
  };
  await withPlugin({ scripts }, async ({ parts, plugin, controller }) => {
    const gatewaysOf = async (name: string, skips: Record<string, string>): Promise<readonly boolean[]> => {
      const spec = { name, driver: "plug", enableIPv6: true, options: skips };
      const { pools } = await controller.createNetwork(spec);
      return pools.map(({ gateway }) => gateway !== undefined);
    };
    assert.deepEqual(await gatewaysOf("both", {}), [true, true]);
    assert.deepEqual(await gatewaysOf("no4", { skip4: "yes" }), [false, true]);
    assert.deepEqual(await gatewaysOf("no6", { skip6: "yes" }), [true, false]);
    assert.deepEqual(plugin.methods.slice(0, 2), ["GwAllocCheck", "CreateNetwork"]);
    assert.deepEqual(asked(plugin, "NetworkDriver.GwAllocCheck")[1], {
      Options: {
        "com.docker.network.enable_ipv6": true,
        "com.docker.network.generic": { skip4: "yes" },
      },
    });
    const first = async (of: Controller, name: string): Promise<unknown> => {
      const { id, endpoints } = await of.createSandbox(parts.spec(name, "no4"));
      assert.equal(endpoints[0]?.endpoint.addresses.length, 2);
      return { id, address: endpoints[0]?.endpoint.addresses[0]?.address };
    };
    const subnet = controller.findNetwork("no4").pools[0]?.subnet;
    const one = await first(controller, "c1");
    assert.deepEqual(one, { ...Object(one), address: { family: 4, value: (subnet?.address.value ?? 0n) + 1n } });
    const again = await parts.open();
    assert.deepEqual(
      parts.messages.filter((text) => text.includes("not restored")),
      [],
    );
    const two = await first(again, "c2");
    assert.deepEqual(two, { ...Object(two), address: { family: 4, value: (subnet?.address.value ?? 0n) + 2n } });
  });
  const refusing = { ...scripts, "NetworkDriver.GwAllocCheck": () => ({ Err: "told to fail" }) };
  await withPlugin({ scripts: refusing }, async ({ parts, controller }) => {
    const before = parts.state();
    const creation = controller.createNetwork({ name: "x", driver: "plug" });
    await assert.rejects(creation, { message: "remote: told to fail" });
    assert.deepEqual(parts.state(), before);
  });
});

test("what a plugin never answered to is taken back once, in the background", async () => {
  const scripts: Record<string, Script> = { "NetworkDriver.CreateNetwork": hangs };
  await withPlugin({ scripts, joined: { Gateway: "10.50.0.1" } }, async ({ parts, plugin, controller }) => {
    const spec = { name: "net", driver: "plug", ipam: { driver: "plug" } };
    const before = parts.state();
    await assert.rejects(controller.createNetwork(spec), /plugin plug: NetworkDriver\.CreateNetwork: no answer/);
    await until("the network is taken back", () => plugin.methods.includes("DeleteNetwork"));
    assert.deepEqual(
      asked(plugin, "NetworkDriver.DeleteNetwork"),
      asked(plugin, "NetworkDriver.CreateNetwork").map(idOf),
    );
    assert.deepEqual(parts.state(), before);

    delete plugin.scripts["NetworkDriver.CreateNetwork"];
    await controller.createNetwork(spec);
    plugin.scripts["NetworkDriver.CreateEndpoint"] = hangs;
    plugin.calls.length = 0;
    await assert.rejects(controller.createSandbox(parts.spec("c1", "net")), /CreateEndpoint: no answer/);
    await until("the endpoint is taken back", () => plugin.methods.includes("DeleteEndpoint"));
    await controller.removeNetwork("net");
    assert.equal(asked(plugin, "NetworkDriver.DeleteEndpoint").length, 1);
    assert.equal(asked(plugin, "NetworkDriver.DeleteNetwork").length, 1);
  });
});

function idOf(request: unknown): unknown {
  const { NetworkID } = Object(request);
  return { NetworkID };
}

test("a removal that a crash cut short is told to the plugin at the next start, pools too", async () => {
  const { promise: asking, resolve } = Promise.withResolvers<void>();
  await withPlugin({}, async ({ parts, plugin, controller }) => {
    const { id } = await controller.createNetwork({ name: "net", driver: "plug", ipam: { driver: "plug" } });
    plugin.scripts["IpamDriver.ReleaseAddress"] = () => (resolve(), HANDLED);
    const removal = controller.removeNetwork("net");
    await asking;
    const { value } = parts.store.get("networks", id) ?? { value: null };
    await removal;
    // As if the daemon had been killed while it waited.
    parts.store.commit([{ put: "networks", id, value }]);
    delete plugin.scripts["IpamDriver.ReleaseAddress"];
    await plugin.stop();
    plugin.calls.length = 0;
    const again = await parts.open();
    assert.deepEqual(
      again.networks().filter(({ name }) => name === "net"),
      [],
    );
    await until("it is said", () => parts.messages.some((text) => text.includes("the end of network net")));
    await plugin.listen();
    await until("the plugin is told", () => plugin.methods.includes("DeleteNetwork"));
    assert.deepEqual(plugin.methods, ["ReleaseAddress", "ReleasePool", "DeleteNetwork"]);
    assert.deepEqual(asked(plugin, "NetworkDriver.DeleteNetwork"), [{ NetworkID: id }]);
    await until("nothing is owed", () => parts.store.list("owed-plugin-calls").length === 0);
  });
});

test("a network whose making a crash cut short is made anew, and one removed while its plugin was away is told later", async () => {
  await withPlugin({}, async ({ parts, plugin, controller }) => {
    let noted: ReturnType<typeof parts.store.list> = [];
    plugin.scripts["NetworkDriver.CreateNetwork"] = () => {
      noted = parts.store.list("owed-plugin-calls");
      return {};
    };
    const { id } = await controller.createNetwork({ name: "net", driver: "plug" });
    assert.deepEqual(parts.store.list("owed-plugin-calls"), []);
    parts.store.commit(noted.map(({ value }) => ({ put: "owed-plugin-calls", id, value })));
    plugin.calls.length = 0;
    const again = await parts.open();
    await until("it is made anew", () => plugin.methods.includes("CreateNetwork"));
    assert.deepEqual(plugin.methods, ["DeleteNetwork", "CreateNetwork"]);
    await plugin.stop();
    await again.removeNetwork("net");
    plugin.calls.length = 0;
    await plugin.listen();
    await until("the plugin is told", () => plugin.methods.includes("DeleteNetwork"));
    await until("nothing is owed", () => parts.store.list("owed-plugin-calls").length === 0);
    assert.deepEqual(plugin.methods, ["DeleteNetwork"]);
  });
});
