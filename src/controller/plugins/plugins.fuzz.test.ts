/** A plugin that answers anything at all: the daemon's answers stay EngineErrors, and nothing is left of what failed. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import * as fc from "fast-check";
import { EngineError } from "../../base/errors.ts";
import { PluginDrivers } from "../../drivers/remote/plugin-drivers.ts";
import { rawBytes, status, type ScriptedPlugin, type Script } from "../../drivers/remote/testing/scripted-plugin.ts";
import type { Controller } from "../controller.ts";
import { FakeParts } from "../testing/fake-parts.ts";
import { startLinkingPlugin } from "../testing/linking-plugin.ts";

const METHODS = [
  "NetworkDriver.CreateNetwork",
  "NetworkDriver.CreateEndpoint",
  "NetworkDriver.Join",
  "NetworkDriver.ProgramExternalConnectivity",
  "NetworkDriver.RevokeExternalConnectivity",
  "NetworkDriver.EndpointOperInfo",
  "NetworkDriver.Leave",
  "NetworkDriver.DeleteEndpoint",
  "NetworkDriver.DeleteNetwork",
  "IpamDriver.RequestPool",
  "IpamDriver.RequestAddress",
  "IpamDriver.ReleaseAddress",
  "IpamDriver.ReleasePool",
] as const;

/** Fields of the protocol, so that wrong values get past the first look. */
const FIELDS = [
  "Err",
  "Error",
  "Interface",
  "Address",
  "AddressIPv6",
  "MacAddress",
  "InterfaceName",
  "SrcName",
  "DstPrefix",
];
const MORE_FIELDS = [
  "Gateway",
  "GatewayIPv6",
  "StaticRoutes",
  "Destination",
  "RouteType",
  "NextHop",
  "Pool",
  "PoolID",
  "Data",
];

const word = fc.oneof(
  fc.string({ maxLength: 40, unit: "binary" }),
  fc.constantFrom(
    "lo",
    "docker0",
    "eth",
    "10.50.0.9/24",
    "0.0.0.0/0",
    "::/0",
    "10.50.0.1",
    "fd00::1",
    "02:00:00:00:00:01",
    "../x",
  ),
);

const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.double(),
    fc.integer(),
    word,
    tie("list"),
    tie("object"),
  ),
  list: fc.array(tie("value"), { maxLength: 4 }),
  object: fc.dictionary(fc.constantFrom(...FIELDS, ...MORE_FIELDS, "__proto__"), tie("value"), { maxKeys: 8 }),
}));

const script: fc.Arbitrary<Script> = fc.oneof(
  {
    weight: 6,
    arbitrary: value.map(
      (answer): Script =>
        () =>
          JSON.stringify(answer),
    ),
  },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => rawBytes(bytes)) },
  {
    weight: 1,
    arbitrary: fc.string({ maxLength: 100 }).map(
      (text): Script =>
        () =>
          text,
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.integer({ min: 200, max: 599 }), fc.json()).map(([code, text]) => status(code, text)),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 9_000, max: 40_000 }).map(
      (size): Script =>
        () =>
          "[".repeat(size),
    ),
  },
);

test("whatever a plugin answers, errors are errors and nothing is left", async () => {
  await using parts = await FakeParts.create();
  await using plugin = await startLinkingPlugin(parts.kernel, { joined: { Gateway: "10.50.0.1" } });
  using plugins = new PluginDrivers({ ...plugin.options, callTimeoutMs: 300, maxAnswerBytes: 30_000 });
  parts.plugins = plugins;
  const controller = await parts.open();
  await live(parts, controller);
  const [before, fds] = [ours(parts), openFds()];
  const honest = { ...plugin.scripts };
  let joins = 0;
  const scripts = fc.dictionary(fc.constantFrom(...METHODS), script, { minKeys: 1, maxKeys: 3 });
  await fc.assert(
    fc.asyncProperty(scripts, async (rubbish) => {
      plugin.scripts = { ...honest, ...rubbish };
      await live(parts, controller);
      joins += plugin.methods.filter((method) => method === "Join").length;
      await forget(plugin, controller, honest);
      assert.deepEqual(ours(parts), before);
    }),
    { numRuns: 150 },
  );
  assert.ok(joins > 20, `only ${joins} came as far as to join`);
  await live(parts, controller);
  assert.ok(openFds() <= fds + 3, `${openFds()} descriptors, ${fds} before`);
});

/** The life of a network and a container, each step refused with an EngineError or carried out. */
async function live(parts: FakeParts, controller: Controller): Promise<void> {
  await tried(async () => {
    await controller.createNetwork({ name: "gnet", driver: "plug", ipam: { driver: "plug" } });
  });
  await tried(async () => {
    const { id } = await controller.createSandbox(parts.spec("g1", "gnet"));
    await controller.removeSandbox(id);
  });
  await tried(() => controller.removeNetwork("gnet"));
}

async function tried(step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (cause) {
    assert.ok(cause instanceof EngineError, `not an EngineError: ${String(cause)}`);
  }
}

/** What the rubbish kept from being removed can be removed once the plugin behaves. */
async function forget(
  plugin: ScriptedPlugin,
  controller: Controller,
  honest: ScriptedPlugin["scripts"],
): Promise<void> {
  plugin.scripts = honest;
  for (const { id } of controller.sandboxes()) await controller.removeSandbox(id);
  await controller.removeNetwork("gnet").catch(() => undefined);
  plugin.calls.length = 0;
}

/** All but links that the plugin did not take back, and docker_gwbridge, which stays once it was made. */
function ours(parts: FakeParts): unknown {
  const { endpoints, sandboxes, served, ports } = Object.fromEntries(Object.entries(parts.state() ?? {}));
  const own = parts.kernel.facts().filter((fact) => fact.kind === "link" && fact.alias !== undefined);
  return {
    endpoints,
    sandboxes,
    served,
    ports,
    own: own.filter((fact) => fact.kind === "link" && fact.name !== "docker_gwbridge"),
  };
}

function openFds(): number {
  return readdirSync("/proc/self/fd").length;
}
