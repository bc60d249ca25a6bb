/** Addresses from a plugin under a built-in driver, and what becomes of a plugin's endpoints over a restart of daemon or host. */
import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { formatMac } from "../../addr/mac-address.ts";
import { PluginDrivers } from "../../drivers/remote/plugin-drivers.ts";
import type { ScriptedPlugin } from "../../drivers/remote/testing/scripted-plugin.ts";
import { until } from "../../../test/support/wait.ts";
import type { Controller } from "../controller.ts";
import { FakeParts } from "../testing/fake-parts.ts";
import { startLinkingPlugin, type LinkingOptions } from "../testing/linking-plugin.ts";

interface Scene {
  readonly parts: FakeParts;
  readonly plugin: ScriptedPlugin;
  readonly controller: Controller;
  /** As the daemon that is started again, which knows of no plugin. */
  readonly reopen: () => Promise<Controller>;
}

async function withPlugin(options: LinkingOptions, body: (scene: Scene) => Promise<void>): Promise<void> {
  await using parts = await FakeParts.create();
  await using plugin = await startLinkingPlugin(parts.kernel, options);
  using known = new DisposableStack();
  const reopen = async (): Promise<Controller> => {
    parts.plugins = known.use(new PluginDrivers(plugin.options));
    return parts.open();
  };
  await body({ parts, plugin, controller: await reopen(), reopen });
}

const asked = (plugin: ScriptedPlugin): readonly unknown[] =>
  plugin.calls.filter(({ method }) => method.startsWith("IpamDriver.Re")).map(({ request }) => request);

test("a bridge network has its addresses from a plugin, under the endpoint's MAC where it wants that", async () => {
  const scripts = { "IpamDriver.GetCapabilities": () => ({ RequiresMACAddress: true }) };
  await withPlugin({ scripts }, async ({ parts, plugin, controller }) => {
    const before = parts.state();
    const network = await controller.createNetwork({ name: "br", ipam: { driver: "plug" } });
    assert.equal(network.driver, "bridge");
    plugin.calls.length = 0;
    const { id, endpoints } = await controller.createSandbox(parts.spec("c1", "br"));
    const mac = endpoints[0]?.endpoint.mac;
    assert.ok(mac !== undefined);
    const options = { "com.docker.network.endpoint.macaddress": formatMac(mac) };
    assert.deepEqual(asked(plugin), [{ PoolID: "pool1", Address: "", Options: options }]);
    await controller.removeSandbox(id);
    await controller.removeNetwork("br");
    assert.deepEqual(plugin.methods, ["RequestAddress", "ReleaseAddress", "ReleaseAddress", "ReleasePool"]);
    assert.deepEqual(parts.state(), before);
  });
});

test("an IPAM plugin that forgets is asked again when the daemon starts, one that remembers is not", async () => {
  for (const RequiresRequestReplay of [true, false]) {
    const scripts = { "IpamDriver.GetCapabilities": () => ({ RequiresRequestReplay }) };
    await withPlugin({ scripts }, async ({ parts, plugin, controller, reopen }) => {
      await controller.createNetwork({ name: "br", ipam: { driver: "plug" } });
      const filesDirectory = await mkdtemp(join(parts.directory, "c1-"));
      await controller.createSandbox({ ...parts.spec("c1", "br"), filesDirectory });
      plugin.calls.length = 0;
      await reopen();
      const introduced = (): boolean => plugin.calls.some(({ method }) => method.endsWith("GetDefaultAddressSpaces"));
      await until("the plugin was asked what it is", introduced);
      if (RequiresRequestReplay) await until("everything was asked for", () => asked(plugin).length === 3);
      const gateway = { RequestAddressType: "com.docker.network.gateway" };
      const all = [
        { AddressSpace: "L", Pool: "10.50.0.0/24", SubPool: "", Options: {}, V6: false },
        { PoolID: "pool1", Address: "10.50.0.1", Options: gateway },
        { PoolID: "pool1", Address: "10.50.0.2", Options: {} },
      ];
      assert.deepEqual(asked(plugin), RequiresRequestReplay ? all : []);
    });
  }
});

test("endpoints whose sandbox ended with the host's last life are ended at the plugin too", async () => {
  await withPlugin({ joined: { Gateway: "10.50.0.1" } }, async ({ parts, plugin, controller, reopen }) => {
    await controller.createNetwork({ name: "gnet", driver: "plug", ipam: { driver: "plug" } });
    const { key } = await controller.createSandbox(parts.spec("g1", "gnet"));
    parts.kernel.meddle({ remove: { kind: "namespace", path: key } });
    plugin.calls.length = 0;
    const again = await reopen();
    assert.deepEqual(again.endpoints(), []);
    const all = ["RevokeExternalConnectivity", "Leave", "DeleteEndpoint", "ReleaseAddress"];
    await until("the plugin was told", () => plugin.methods.length === all.length);
    assert.deepEqual(plugin.methods, all);
    await again.removeNetwork("gnet");
  });
});

test("of an endpoint without a way out a plugin hears neither of connectivity nor questions", async () => {
  await withPlugin({}, async ({ parts, plugin, controller }) => {
    await controller.createNetwork({ name: "gnet", driver: "plug" });
    plugin.calls.length = 0;
    const { id } = await controller.createSandbox(parts.spec("g1", "gnet"));
    await controller.removeSandbox(id);
    assert.deepEqual(plugin.methods, ["CreateEndpoint", "Join", "Leave", "DeleteEndpoint"]);
  });
});
