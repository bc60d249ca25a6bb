/** Plugins that span hosts hear of the cluster's hosts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PluginDrivers } from "../../drivers/remote/plugin-drivers.ts";
import { ScriptedPlugin } from "../../drivers/remote/testing/scripted-plugin.ts";
import { until } from "../../../test/support/wait.ts";
import { FakeHosts } from "../testing/fake-hosts.ts";

function discoveries(plugin: ScriptedPlugin): readonly unknown[] {
  return plugin.calls
    .filter(({ method }) => method.startsWith("NetworkDriver.Discover"))
    .map(({ method, request }) => [method.slice("NetworkDriver.".length), request]);
}

const host = (Address: string, Self: boolean): unknown => ({
  DiscoveryType: 1,
  DiscoveryData: { Address, BindAddress: "", Self },
});

test("all hosts when the plugin is first used, then who goes and who comes; nothing for one that does not ask", async () => {
  const wide = { "NetworkDriver.GetCapabilities": () => ({ Scope: "local", ConnectivityScope: "global" }) };
  await using all = await FakeHosts.open(2);
  await using asks = await ScriptedPlugin.start(wide, "asks");
  await using plain = await ScriptedPlugin.start({}, "plain");
  const [a, b] = [all.host(1), all.host(2)];
  for (const plugin of [asks, plain]) {
    using plugins = new PluginDrivers(plugin.options);
    await a.close();
    a.parts.plugins = plugins;
    const controller = await a.open();
    await controller.createNetwork({ name: `${plugin.name}-net`, driver: plugin.name });
    if (plugin === asks) {
      const known = [host("192.0.2.1", true), host("192.0.2.2", false)].map((each) => ["DiscoverNew", each]);
      assert.deepEqual(discoveries(asks), known);
      b.client.cut();
      b.client.expireSessions();
      await until("host2 is gone", () => discoveries(asks).length === 3);
      b.client.heal();
      await until("host2 is back", () => discoveries(asks).length === 4);
      const later = [
        ["DiscoverDelete", host("192.0.2.2", false)],
        ["DiscoverNew", host("192.0.2.2", false)],
      ];
      assert.deepEqual(discoveries(asks).slice(2), later);
    }
    await controller.removeNetwork(`${plugin.name}-net`);
  }
  assert.deepEqual(discoveries(plain), []);
});
