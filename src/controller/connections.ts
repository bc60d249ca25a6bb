/**
 * Connect and disconnect: one more or one fewer endpoint in a sandbox that runs (`plugging.ts`), and the way out that it has
 * then (`gateway-network.ts`); new names for all of them.
 */
import { EngineError } from "../base/errors.ts";
import type { EndpointIntent } from "../drivers/intent.ts";
import { attempt } from "./attempt.ts";
import type { EndpointSpec } from "./cnm.ts";
import { joinsOf, type Join } from "./desired.ts";
import { draftEndpoints } from "./draft-endpoints.ts";
import { checkCompany, checkEndpointSpec, joinableNetwork } from "./endpoint-spec.ts";
import { isGatewayEndpoint } from "./gateway-endpoint.ts";
import { giveWayOut, keepWayOut, withoutIdleGateway } from "./gateway-network.ts";
import { refreshLinks, refreshParents } from "./links.ts";
import { endpointPorts } from "./plugins/plugin-calls.ts";
import { plugIn, unplug } from "./plugging.ts";
import { reconsiderNetworks } from "./shared/shared-networks.ts";
import type { SandboxIntent } from "./sandbox-intent.ts";
import { shareNames } from "./shared/shared-endpoints.ts";
import { putEndpoints } from "./sandbox-names.ts";
import { emitEndpoint } from "./sandboxes.ts";
import { sandboxKey, type World } from "./world.ts";

/** A new interface in a running sandbox, or nothing at all. */
export async function connect(world: World, sandboxId: string, spec: EndpointSpec): Promise<EndpointIntent> {
  const endpoint = await world.locks.run(sandboxKey(sandboxId), () =>
    attempt(world.log, `connect ${spec.name} to network ${spec.network}`, async (undo) => {
      const sandbox = liveSandbox(world, sandboxId);
      const before = joinsOf(world, sandboxId);
      const network = joinableNetwork(world, spec.network);
      checkHost(world, sandbox, network.driver);
      checkCompany(world, [...before.map((join) => join.network), network]);
      checkEndpointSpec(network, spec);
      const [draft] = await draftEndpoints(world, sandboxId, [{ network, spec }], {
        joined: before,
        undo,
        ports: endpointPorts(sandbox),
      });
      if (draft === undefined) throw new EngineError("internal", `connect ${spec.name}: no endpoint was made`);
      const added = await plugIn(world, sandbox, { before, added: draft, undo });
      await giveWayOut(world, sandboxId, undo);
      await withoutIdleGateway(world, sandboxId);
      emitEndpoint(world, "connect", added, sandbox);
      return added.endpoint;
    }),
  );
  await refreshLinks(world, sandboxId);
  await refreshParents(world, world.registry.sandbox(sandboxId)?.intent.containerId ?? "");
  return endpoint;
}

function liveSandbox(world: World, sandboxId: string): SandboxIntent {
  const entry = world.registry.sandbox(sandboxId);
  if (entry?.phase !== "live") throw new EngineError("not-found", `sandbox ${sandboxId} not found`);
  return entry.intent;
}

function checkHost(world: World, sandbox: SandboxIntent, driver: string): void {
  if (world.driver(driver).capabilities.hostNamespace) {
    throw new EngineError(
      "invalid-argument",
      "cannot connect container to host network - container must be created in host network mode",
    );
  }
  if (!sandbox.hostNamespace) return;
  throw new EngineError(
    "invalid-argument",
    "container sharing network namespace with another container or host cannot be connected to any other network",
  );
}

/** Takes the interface out of its sandbox, whether that runs or not. Throws `not-found` for an unknown endpoint. */
export async function disconnect(world: World, endpointId: string): Promise<void> {
  const sandboxId = world.registry.endpoint(endpointId)?.intent.attachment?.sandboxId ?? "";
  await world.locks.run(sandboxKey(sandboxId), async () => {
    const { leaving } = leavingOf(world, sandboxId, endpointId);
    world.registry.commit({ put: { endpoints: [{ intent: leaving.endpoint, phase: "removing" }] } });
    return Promise.resolve();
  });
  // Before anybody else can have the address.
  await refreshParents(world, world.registry.sandbox(sandboxId)?.intent.containerId ?? "");
  await world.locks.run(sandboxKey(sandboxId), async () => {
    await keepWayOut(world, sandboxId, endpointId);
    const { sandbox, all, leaving } = leavingOf(world, sandboxId, endpointId);
    await unplug(world, sandbox, { all, leaving });
    await withoutIdleGateway(world, sandboxId);
    emitEndpoint(world, "disconnect", leaving, sandbox);
  });
  await reconsiderNetworks(world);
}

interface Leaving {
  readonly sandbox: SandboxIntent;
  readonly all: readonly Join[];
  readonly leaving: Join;
}

function leavingOf(world: World, sandboxId: string, endpointId: string): Leaving {
  const sandbox = world.registry.sandbox(sandboxId)?.intent;
  const all = joinsOf(world, sandboxId);
  const leaving = all.find(({ endpoint }) => endpoint.id === endpointId);
  if (sandbox === undefined || leaving === undefined) {
    throw new EngineError("not-found", `endpoint ${endpointId} not found`);
  }
  if (sandbox.hostNamespace) throw cannotLeaveHost();
  return { sandbox, all, leaving };
}

function cannotLeaveHost(): EngineError {
  return new EngineError(
    "invalid-argument",
    "cannot disconnect container from host network - container was created in host network mode",
  );
}

/** New names for all of a sandbox's endpoints, in one transaction; the resolver answers to them when this resolves. */
export async function renameEndpoints(
  world: World,
  sandboxId: string,
  names: { readonly name: string; readonly dnsNames: readonly string[] },
): Promise<void> {
  await world.locks.run(sandboxKey(sandboxId), () =>
    attempt(world.log, `rename endpoints to ${names.name}`, async (undo) => {
      liveSandbox(world, sandboxId);
      const before = joinsOf(world, sandboxId).filter((join) => !isGatewayEndpoint(join));
      const dnsNames = [...new Set(names.dnsNames)];
      const after = before.map((join) => ({ ...join, endpoint: { ...join.endpoint, name: names.name, dnsNames } }));
      for (const { network, endpoint } of after) {
        undo.add("name", () => releaseUnlessOld(world, before, endpoint));
        world.registry.reserveName(network, names.name, endpoint.id);
      }
      await shareNames(world, { before, after }, undo);
      await world.dns.change(putEndpoints(after));
      undo.add("names", () => world.dns.change(putEndpoints(before)));
      world.registry.commit({ put: { endpoints: after.map(({ endpoint }) => ({ intent: endpoint, phase: "live" })) } });
    }),
  );
}

function releaseUnlessOld(world: World, before: readonly Join[], endpoint: EndpointIntent): void {
  const old = before.find((join) => join.endpoint.id === endpoint.id)?.endpoint.name;
  if (old !== endpoint.name) world.registry.releaseName(endpoint.networkId, endpoint.name, endpoint.id);
}
