/**
 * Connect and disconnect: one more or one fewer endpoint in a sandbox that runs. Both are the difference of the sandbox's
 * desired state with and without the endpoint, so the default route moves with whoever comes first in gateway order.
 */
import { EngineError, messageOf } from "../base/errors.ts";
import { Rollback } from "../base/rollback.ts";
import type { EndpointIntent } from "../drivers/intent.ts";
import { compareEndpoints } from "../sandbox/gateway.ts";
import { change, changeAll } from "./apply.ts";
import { attempt } from "./attempt.ts";
import type { EndpointSpec } from "./cnm.ts";
import { joinsOf, sandboxNamespace, sandboxState, type Join } from "./desired.ts";
import { draftEndpoints } from "./draft-endpoints.ts";
import { checkCompany, checkEndpointSpec, joinableNetwork } from "./endpoint-spec.ts";
import { refreshLinks, refreshParents } from "./links.ts";
import { releaseAddresses } from "./lease-addresses.ts";
import { forgetFlows } from "./port-flows.ts";
import { publish, unpublish, type Published } from "./publish.ts";
import type { EndpointEntry, SandboxEntry } from "./registry.ts";
import { ownHosts, resolvConfOf } from "./sandbox-files.ts";
import type { SandboxIntent } from "./sandbox-intent.ts";
import {
  dnsSandbox,
  needsResolver,
  putEndpoints,
  redirect,
  rememberPorts,
  removeEndpoints,
  startResolver,
} from "./sandbox-names.ts";
import { emitEndpoint } from "./sandboxes.ts";
import { runtimeOf, sandboxKey, type World } from "./world.ts";

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
      const [draft] = await draftEndpoints(world, sandboxId, [{ network, spec }], { joined: before, undo });
      if (draft === undefined) throw new EngineError("internal", `connect ${spec.name}: no endpoint was made`);
      const published = await publish(world, sandbox, [...before, draft].sort(compareEndpoints), undo);
      const added = published.joins.find(({ endpoint }) => endpoint.id === draft.endpoint.id) ?? draft;
      await plugIn(world, published, { before, added, undo });
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

interface Plug {
  readonly before: readonly Join[];
  readonly added: Join;
  readonly undo: Rollback;
}

async function plugIn(world: World, published: Published, { before, added, undo }: Plug): Promise<void> {
  const { registry } = world;
  const { sandbox, joins: after } = published;
  commitConnection(world, published, { before, added, undo });
  const [old, next] = [sandboxState(world, sandbox, before), sandboxState(world, sandbox, after)];
  await change(world, old, next).catch((cause: unknown) => {
    throw EngineError.wrap(cause, `connect ${added.endpoint.name} to network ${added.network.name}`);
  });
  undo.add("endpoint state", () => changeAll(world, next, old));
  await world.announcer.announce(sandboxNamespace(world, sandbox), [added]);
  await forgetFlows(world, before, after);
  await learnNames(world, sandbox, { before, added, undo });
  const { files } = runtimeOf(world, sandbox);
  undo.add("hosts lines", () => files.removeHosts(ownHosts(sandbox, added)));
  await files.addHosts(ownHosts(sandbox, added));
  registry.restore({ put: { endpoints: [{ intent: added.endpoint, phase: "live" }] } });
  rememberPorts(world, sandbox.id);
}

/** The new endpoint, and whose ports moved to it. */
function commitConnection(world: World, { sandbox, joins }: Published, { before, added, undo }: Plug): void {
  const { registry } = world;
  const old = registry.sandbox(sandbox.id)?.intent ?? sandbox;
  const stayed = joins.filter((join) => join.endpoint.id !== added.endpoint.id);
  undo.add("endpoint intent", () => {
    registry.commit({ put: liveEntries(old, before), remove: { endpoints: [added.endpoint.id] } });
  });
  const { sandboxes, endpoints } = liveEntries(sandbox, stayed);
  registry.commit({ put: { sandboxes, endpoints: [...endpoints, { intent: added.endpoint, phase: "creating" }] } });
}

/** What ports may have changed; of a sandbox without any, nothing. */
function liveEntries(
  sandbox: SandboxIntent,
  joins: readonly Join[],
): { sandboxes: readonly SandboxEntry[]; endpoints: readonly EndpointEntry[] } {
  if (sandbox.ports.length === 0) return { sandboxes: [], endpoints: [] };
  const endpoints: EndpointEntry[] = joins.map(({ endpoint }) => ({ intent: endpoint, phase: "live" }));
  return { sandboxes: [{ intent: sandbox, phase: "live" }], endpoints };
}

/** The first user-defined network brings the resolver, and a resolv.conf that names it unless somebody edited the file. */
async function learnNames(world: World, sandbox: SandboxIntent, { before, added, undo }: Plug): Promise<void> {
  const runtime = runtimeOf(world, sandbox);
  const after = [...before, added].sort(compareEndpoints);
  if (runtime.resolver === undefined && !needsResolver(sandbox, after)) return;
  undo.add("names", () => world.dns.change(removeEndpoints([added])));
  undo.add("resolver's view", async () => {
    if (runtime.resolver === undefined) await world.dns.change([{ remove: "sandbox", id: sandbox.id }]);
    else await tellResolver(world, sandbox, before);
  });
  await tellResolver(world, sandbox, after);
  await world.dns.change(putEndpoints([added]));
  if (runtime.resolver !== undefined) return;
  undo.add("sandbox runtime", () => void world.runtimes.set(sandbox.id, runtime));
  const resolver = await startResolver(world, sandbox, undo);
  world.runtimes.set(sandbox.id, { ...runtime, resolver });
  await redirect(world, sandbox, resolver, undo);
  const legacy = await resolvConfOf(world, sandbox, before);
  undo.add("resolv.conf", async () => void (await runtime.files.updateResolvConf(legacy.text)));
  await runtime.files.updateResolvConf((await resolvConfOf(world, sandbox, after)).text);
}

/** Which networks' names the sandbox sees, and whether it has a way out. */
async function tellResolver(world: World, sandbox: SandboxIntent, joins: readonly Join[]): Promise<void> {
  const resolvConf = await resolvConfOf(world, sandbox, joins, true);
  await world.dns.change([{ put: "sandbox", sandbox: dnsSandbox(sandbox, joins, resolvConf) }]);
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
    const { sandbox, all, leaving } = leavingOf(world, sandboxId, endpointId);
    const published = await moveAway(world, sandbox, { all, leaving });
    await unplug(world, published, { all, leaving });
    await releaseAddresses(world, leaving.network, leaving.endpoint);
    world.registry.commit({
      put: liveEntries(published.sandbox, published.joins),
      remove: { endpoints: [endpointId] },
    });
    emitEndpoint(world, "disconnect", leaving, sandbox);
  });
}

function leavingOf(world: World, sandboxId: string, endpointId: string): Unplug & { readonly sandbox: SandboxIntent } {
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

interface Unplug {
  readonly all: readonly Join[];
  readonly leaving: Join;
}

/** Ports that the next gateway cannot have are said and given up: nobody is kept on a network by them. */
async function moveAway(world: World, sandbox: SandboxIntent, { all, leaving }: Unplug): Promise<Published> {
  const rest = all.filter((join) => join !== leaving);
  const undo = new Rollback();
  try {
    const published = await publish(world, sandbox, rest, undo);
    undo.commit();
    return published;
  } catch (cause) {
    world.log.error({ sandbox: sandbox.id, err: cause }, `published ports are given up: ${messageOf(cause)}`);
    await unpublish(world, sandbox.id);
    const unchosen = sandbox.ports.map(({ chosenPort: _chosenPort, ...request }) => request);
    const joins = rest.map((join) => ({ ...join, endpoint: { ...join.endpoint, ports: [] } }));
    return { sandbox: { ...sandbox, ports: unchosen }, joins };
  }
}

async function unplug(world: World, { sandbox, joins: rest }: Published, { all, leaving }: Unplug): Promise<void> {
  const { files, resolver } = runtimeOf(world, sandbox);
  if (resolver !== undefined) {
    await world.dns.change(removeEndpoints([leaving]));
    await tellResolver(world, sandbox, rest);
  }
  const [old, next] = [sandboxState(world, sandbox, all), sandboxState(world, sandbox, rest)];
  try {
    await changeAll(world, old, next);
  } catch (cause) {
    throw EngineError.wrap(cause, `disconnect ${leaving.endpoint.name} from network ${leaving.network.name}`);
  }
  await forgetFlows(world, all, rest);
  await files.removeHosts(ownHosts(sandbox, leaving));
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
      const before = joinsOf(world, sandboxId);
      const dnsNames = [...new Set(names.dnsNames)];
      const after = before.map((join) => ({ ...join, endpoint: { ...join.endpoint, name: names.name, dnsNames } }));
      for (const { network, endpoint } of after) {
        undo.add("name", () => releaseUnlessOld(world, before, endpoint));
        world.registry.reserveName(network, names.name, endpoint.id);
      }
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
