/** Networks of plugins: what they are told and when, as recorded from dockerd 20.10; failures, restarts, and bytes of any kind. */
import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { PluginDrivers } from "../../drivers/remote/plugin-drivers.ts";
import {
  HANDLED,
  hangs,
  status,
  type ScriptedPlugin,
  type Script,
} from "../../drivers/remote/testing/scripted-plugin.ts";
import type { KernelFact } from "../../kernel/facts.ts";
import type { NetworkSpec } from "../cnm.ts";
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

const GNET: NetworkSpec = {
  name: "gnet",
  driver: "plug",
  ipam: { driver: "plug", options: { ik: "iv" } },
  options: { k: "v" },
};
const GATEWAY = { joined: { Gateway: "10.50.0.1" } };
const CREATION = ["RequestPool", "RequestAddress", "CreateNetwork"];
const REMOVAL = ["ReleaseAddress", "ReleasePool", "DeleteNetwork"];

/** The calls since the last time. */
function heard(plugin: ScriptedPlugin): readonly string[] {
  const { methods } = plugin;
  plugin.calls.length = 0;
  return methods;
}

test("a plugin hears of networks and endpoints in dockerd's order", async () => {
  await withPlugin(GATEWAY, async ({ parts, plugin, controller }) => {
    const before = parts.state();
    await controller.createNetwork(GNET);
    assert.deepEqual(heard(plugin), CREATION);
    const { id } = await controller.createSandbox(parts.spec("g1", "gnet"));
    const joining = ["RequestAddress", "CreateEndpoint", "Join"];
    const gateway = ["ProgramExternalConnectivity", "EndpointOperInfo", "EndpointOperInfo"];
    assert.deepEqual(heard(plugin), [...joining, ...gateway]);
    await controller.removeSandbox(id);
    assert.deepEqual(heard(plugin), ["RevokeExternalConnectivity", "Leave", "DeleteEndpoint", "ReleaseAddress"]);
    await controller.removeNetwork("gnet");
    assert.deepEqual(heard(plugin), REMOVAL);
    assert.deepEqual(parts.state(), before);
  });
});

test("who gives the way out is told when another does, and again when that goes", async () => {
  await withPlugin(GATEWAY, async ({ parts, plugin, controller }) => {
    await controller.createNetwork(GNET);
    await controller.createNetwork({ name: "abr" });
    const { id } = await controller.createSandbox(parts.spec("g1", "gnet"));
    heard(plugin);
    const { id: endpointId } = await controller.connect(id, { network: "abr", name: "g1" });
    assert.deepEqual(heard(plugin), ["RevokeExternalConnectivity"]);
    await controller.disconnect(endpointId);
    assert.deepEqual(heard(plugin), ["ProgramExternalConnectivity"]);
    await controller.removeSandbox(id);
  });
});

test("an endpoint is told its ports and its place, and its interface is moved into the sandbox", async () => {
  await withPlugin({ joined: { StaticRoutes: [{ Destination: "10.99.0.0/24", RouteType: 1 }] } }, async (scene) => {
    const { parts, plugin, controller } = scene;
    await controller.createNetwork(GNET);
    const ports = [{ protocol: "tcp", containerPort: 80, hostPorts: { first: 8080, last: 8080 } }] as const;
    const exposed = [{ protocol: "tcp", port: 99 }] as const;
    const { id, key } = await controller.createSandbox({ ...parts.spec("g1", "gnet"), ports, exposed });
    const options = {
      "com.docker.network.endpoint.exposedports": [
        { Proto: 6, Port: 99 },
        { Proto: 6, Port: 80 },
      ],
      "com.docker.network.portmap": [{ Proto: 6, IP: "", Port: 80, HostIP: "", HostPort: 8080, HostPortEnd: 8080 }],
    };
    const [endpoint] = controller.endpoints().filter(({ name }) => name === "g1");
    assert.ok(endpoint !== undefined);
    const ref = { NetworkID: endpoint.networkId, EndpointID: endpoint.id };
    const told = plugin.calls.filter(({ method }) => /CreateEndpoint|Join/.test(method)).map(({ request }) => request);
    const Interface = { Address: "10.50.0.2/24", AddressIPv6: "", MacAddress: "" };
    assert.deepEqual(told, [
      { ...ref, Interface, Options: options },
      { ...ref, SandboxKey: key, Options: options },
    ]);
    const inside = await parts.kernel.observe(key);
    assert.deepEqual(
      inside.links.map(({ name }) => name).filter((name) => name === "eth0"),
      ["eth0"],
    );
    assert.ok(inside.routes.some(({ link, gateway }) => link === "eth0" && gateway === undefined));
    await controller.removeSandbox(id);
    await controller.removeNetwork("gnet");
  });
});

const failing: readonly (readonly [string, RegExp])[] = [
  ["IpamDriver.RequestPool", /^remote: told to fail$/],
  ["IpamDriver.RequestAddress", /^failed to allocate gateway \(\): remote: told to fail$/],
  ["NetworkDriver.CreateNetwork", /^remote: told to fail$/],
];

test("a network that its plugin refuses leaves nothing, there and here", async () => {
  for (const [method, message] of failing) {
    const scripts = { [method]: () => ({ Err: "told to fail", Error: "told to fail" }) };
    await withPlugin({ scripts }, async ({ parts, plugin, controller }) => {
      const before = parts.state();
      await assert.rejects(controller.createNetwork(GNET), { message });
      assert.deepEqual(parts.state(), before, method);
      const undone = heard(plugin).filter((call) => /Release|Delete/.test(call));
      const held = {
        RequestPool: [],
        RequestAddress: ["ReleasePool"],
        CreateNetwork: ["ReleaseAddress", "ReleasePool"],
      };
      assert.deepEqual(undone, Object.entries(held).find(([name]) => method.endsWith(name))?.[1]);
    });
  }
});

test("an endpoint that its plugin refuses leaves nothing, there and here", async () => {
  const cases: readonly (readonly [string, RegExp, readonly string[]])[] = [
    ["CreateEndpoint", /^failed to create endpoint g1 on network gnet: remote: told to fail$/, []],
    ["Join", /^remote: told to fail$/, ["DeleteEndpoint"]],
    [
      "ProgramExternalConnectivity",
      /^driver failed programming external connectivity on endpoint g1 \([0-9a-f]{64}\): remote: told to fail$/,
      ["Leave", "DeleteEndpoint"],
    ],
  ];
  for (const [method, message, undone] of cases) {
    const scripts = { [`NetworkDriver.${method}`]: () => ({ Err: "told to fail" }) };
    await withPlugin({ ...GATEWAY, scripts }, async ({ parts, plugin, controller }) => {
      await controller.createNetwork(GNET);
      const before = parts.state();
      heard(plugin);
      await assert.rejects(controller.createSandbox(parts.spec("g1", "gnet")), { message });
      assert.deepEqual(heard(plugin).slice(-undone.length - 1), [...undone, "ReleaseAddress"]);
      assert.deepEqual(parts.state(), before, method);
    });
  }
});

test("an interface that is not there is an error that names the plugin and the interface", async () => {
  const scripts: Record<string, Script> = {
    "NetworkDriver.Join": () => ({ InterfaceName: { SrcName: "pc0", DstPrefix: "eth" } }),
  };
  await withPlugin({ scripts }, async ({ parts, plugin, controller }) => {
    await controller.createNetwork(GNET);
    const before = parts.state();
    const creation = controller.createSandbox(parts.spec("g1", "gnet"));
    await assert.rejects(creation, /no link pc0 of plugin plug/);
    assert.deepEqual(plugin.methods.slice(-3), ["Leave", "DeleteEndpoint", "ReleaseAddress"]);
    assert.deepEqual(withoutGateway(parts.state()), withoutGateway(before));
  });
});

/** docker_gwbridge stays once it was made. */
function withoutGateway(state: unknown): unknown {
  const { endpoints, sandboxes, served, ports } = Object.fromEntries(Object.entries(state ?? {}));
  return { endpoints, sandboxes, served, ports };
}

test("two calls may be unknown to a plugin, and no others", async () => {
  const unknown = status(404, "404 page not found\n");
  const scripts = {
    "NetworkDriver.ProgramExternalConnectivity": unknown,
    "NetworkDriver.RevokeExternalConnectivity": unknown,
  };
  await withPlugin({ ...GATEWAY, scripts }, async ({ parts, plugin, controller }) => {
    await controller.createNetwork(GNET);
    const { id } = await controller.createSandbox(parts.spec("g1", "gnet"));
    await controller.removeSandbox(id);
    plugin.scripts["NetworkDriver.EndpointOperInfo"] = unknown;
    await assert.rejects(controller.createSandbox(parts.spec("g2", "gnet")), {
      message: "Updating join info failed: NetworkDriver.EndpointOperInfo: 404 page not found\n",
    });
    plugin.scripts["NetworkDriver.CreateNetwork"] = unknown;
    await assert.rejects(controller.createNetwork({ ...GNET, name: "other" }), {
      message: "NetworkDriver.CreateNetwork: 404 page not found\n",
    });
  });
});

test("removal goes on whatever a plugin says, and when it is gone", async () => {
  const refuses = (): unknown => ({ Err: "told to fail", Error: "told to fail" });
  const ways: readonly ((plugin: ScriptedPlugin) => Promise<void> | void)[] = [
    (plugin) => {
      for (const call of ["Revoke", "Leave", "DeleteEndpoint", "DeleteNetwork"]) {
        plugin.scripts[`NetworkDriver.${call.replace("Revoke", "RevokeExternalConnectivity")}`] = refuses;
      }
      plugin.scripts["IpamDriver.ReleaseAddress"] = plugin.scripts["IpamDriver.ReleasePool"] = refuses;
    },
    (plugin) => plugin.stop(),
    (plugin) => void (plugin.scripts["NetworkDriver.Leave"] = hangs),
  ];
  for (const spoil of ways) {
    await withPlugin(GATEWAY, async ({ parts, plugin, controller }) => {
      const before = parts.state();
      const count = parts.kernel.facts().length;
      await controller.createNetwork(GNET);
      const { id } = await controller.createSandbox(parts.spec("g1", "gnet"));
      await spoil(plugin);
      await controller.removeSandbox(id);
      await controller.removeNetwork("gnet");
      assert.ok(parts.kernel.facts().filter(isOfThePlugin).length <= 1);
      assert.deepEqual(withoutLinks(parts.state()), withoutLinks(before));
      assert.equal(parts.kernel.facts().filter((fact) => !isOfThePlugin(fact)).length, count);
      assert.ok(parts.messages.some((text) => text.startsWith("driver error, ")));
    });
  }
});

/** Its own link it may not have deleted. */
function isOfThePlugin(fact: KernelFact): boolean {
  return fact.kind === "link" && fact.name.startsWith("pc");
}

function withoutLinks(state: unknown): unknown {
  return Object.fromEntries(Object.entries(state ?? {}).filter(([what]) => what !== "facts"));
}

test("a restart asks no plugin, and what runs is as it was; then the plugin is told as before", async () => {
  await withPlugin(GATEWAY, async ({ parts, plugin, controller }) => {
    await controller.createNetwork(GNET);
    const filesDirectory = await mkdtemp(join(parts.directory, "g1-"));
    const { id } = await controller.createSandbox({ ...parts.spec("g1", "gnet"), filesDirectory });
    const before = parts.state();
    await plugin.stop();
    using plugins = new PluginDrivers({ ...plugin.options, callTimeoutMs: 500 });
    parts.plugins = plugins;
    const again = await parts.open();
    assert.deepEqual(parts.state(), before);
    assert.equal(again.findNetwork("gnet").driver, "plug");
    await plugin.listen();
    heard(plugin);
    await again.removeSandbox(id);
    await again.removeNetwork("gnet");
    const all = ["RevokeExternalConnectivity", "Leave", "DeleteEndpoint", "ReleaseAddress", ...REMOVAL];
    assert.deepEqual(heard(plugin), all);
  });
});

test("a driver that nobody is or that says nonsense is refused", async () => {
  await withPlugin({}, async ({ parts, plugin, controller }) => {
    const before = parts.state();
    const cases: readonly (readonly [NetworkSpec, Record<string, Script>, string])[] = [
      [{ name: "x", driver: "nobody" }, {}, 'plugin "nobody" not found'],
      [{ name: "x", ipam: { driver: "nobody" } }, {}, 'plugin "nobody" not found'],
      [
        { name: "x", driver: "plug" },
        { "NetworkDriver.GetCapabilities": () => ({ Scope: "rubbish" }) },
        "could not resolve driver plug in registry: invalid capability: expecting 'local' or 'global', got rubbish",
      ],
      [
        { name: "x", driver: "plug" },
        { "NetworkDriver.GetCapabilities": () => ({ Scope: "local", ConnectivityScope: "odd" }) },
        "could not resolve driver plug in registry: invalid capability: expecting 'local' or 'global', got odd",
      ],
      [
        { name: "x", driver: "overlay" },
        {},
        'datastore for scope "global" is not initialized: overlay networks are shared by the hosts of a cluster, start the ' +
          "daemon with --cluster-store",
      ],
    ];
    for (const [spec, scripts, message] of cases) {
      Object.assign(plugin.scripts, scripts);
      await assert.rejects(controller.createNetwork(spec), { message });
    }
    assert.deepEqual(parts.state(), before);
  });
});

test("nobody's network waits for a plugin that hangs", async () => {
  const { promise: asked, resolve: tell } = Promise.withResolvers<void>();
  const silent: Script = () => (tell(), HANDLED);
  await withPlugin({ scripts: { "IpamDriver.RequestPool": silent } }, async ({ parts, controller }) => {
    const before = parts.state();
    const hanging = assert.rejects(controller.createNetwork(GNET), /plugin plug: IpamDriver\.RequestPool: no answer/);
    await asked;
    await controller.createNetwork({ name: "other" });
    assert.equal(
      controller.networks().some(({ name }) => name === "gnet"),
      false,
    );
    await controller.removeNetwork("other");
    await hanging;
    assert.deepEqual(parts.state(), before);
  });
});
