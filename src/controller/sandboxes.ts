/**
 * Creation and removal of sandboxes. A new one is joined to all its networks in one kernel batch; its resolver, files and
 * events follow. Removal mirrors that, goes on past failures, and can be asked again until nothing is left.
 */
import { EngineError, messageOf } from "../base/errors.ts";
import { newId } from "../base/ids.ts";
import type { Rollback } from "../base/rollback.ts";
import { NOTHING, type DesiredState } from "../drivers/driver.ts";
import { EtcFiles } from "../sandbox/etc-files.ts";
import { change, tearDown } from "./apply.ts";
import { attempt } from "./attempt.ts";
import type { SandboxSpec } from "./cnm.ts";
import { joinsOf, resolverState, sandboxNamespace, sandboxState, type Join } from "./desired.ts";
import { draftEndpoints, type Wanted } from "./draft-endpoints.ts";
import { checkCompany, checkEndpointSpec, joinableNetwork } from "./endpoint-spec.ts";
import { isGatewayEndpoint } from "./gateway-endpoint.ts";
import { withWayOut } from "./gateway-network.ts";
import { refreshLinks, refreshParents, withLinks } from "./links.ts";
import { releaseAddresses } from "./lease-addresses.ts";
import { forgetFlows } from "./port-flows.ts";
import {
  askOperationalInfo,
  endEndpoints,
  endpointPorts,
  leaveDrivers,
  moveConnectivity,
} from "./plugins/plugin-calls.ts";
import { publish, unpublish } from "./publish.ts";
import { present } from "../store/record-reader.ts";
import type { Entry } from "./registry.ts";
import { etcContent, extraHosts, resolvConfOf } from "./sandbox-files.ts";
import { forgetMembersIfUndone, shareEndpoints, withdrawEndpoints } from "./shared/shared-endpoints.ts";
import { reconsiderNetworks } from "./shared/shared-networks.ts";
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
import { runtimeOf, sandboxKey, type World } from "./world.ts";

/** Made, joined and known by its names; or, when any part fails, nothing of it is left. */
export async function createSandbox(world: World, spec: SandboxSpec): Promise<SandboxIntent> {
  const id = newId();
  const doing = `create sandbox of container ${spec.containerId}`;
  const created = await world.locks.run(sandboxKey(id), () =>
    attempt(world.log, doing, async (undo) => {
      const wanted = wantedEndpoints(world, spec);
      const draft = sandboxIntent(world, { id, spec, wanted });
      extraHosts(world, draft);
      const asked = await draftEndpoints(world, id, wanted, { joined: [], undo, ports: endpointPorts(draft) });
      const drafts = await withWayOut(world, id, asked, undo);
      const { sandbox, joins: published } = await publish(world, draft, drafts, undo);
      const joins = withLinks(world, sandbox, published);
      forgetMembersIfUndone(world, joins, undo);
      commitCreation(world, sandbox, { joins, undo });
      await shareEndpoints(world, joins, undo);
      await build(world, sandbox, { joins, undo });
      await moveConnectivity(world, sandbox, { before: [], after: joins, undo });
      await askOperationalInfo(world, joins);
      const settled = settle(world, sandbox, joins);
      for (const join of joins) emitEndpoint(world, "connect", join, settled);
      return settled;
    }),
  );
  // Whoever it is linked to may have moved while it was made.
  await refreshLinks(world, id);
  await refreshParents(world, spec.containerId);
  return created;
}

function wantedEndpoints(world: World, spec: SandboxSpec): readonly Wanted[] {
  const wanted = spec.endpoints.map((endpoint) => ({
    network: joinableNetwork(world, endpoint.network),
    spec: endpoint,
  }));
  for (const { network, spec: endpoint } of wanted) checkEndpointSpec(network, endpoint);
  checkCompany(
    world,
    wanted.map(({ network }) => network),
  );
  return wanted;
}

function sandboxIntent(
  world: World,
  parts: { readonly id: string; readonly spec: SandboxSpec; readonly wanted: readonly Wanted[] },
): SandboxIntent {
  const { id, spec, wanted } = parts;
  return present({
    id,
    containerId: spec.containerId,
    createdNs: world.clock.nowNs(),
    hostNamespace: wanted.some(({ network }) => world.driver(network.driver).capabilities.hostNamespace),
    hostname: spec.hostname,
    domainname: spec.domainname,
    filesDirectory: spec.filesDirectory,
    dns: spec.dns ?? {},
    extraHosts: spec.extraHosts ?? [],
    sysctls: spec.sysctls ?? {},
    ports: spec.ports ?? [],
    exposed: spec.exposed,
    links: spec.links ?? [],
  });
}

interface Underway {
  readonly joins: readonly Join[];
  readonly undo: Rollback;
}

function commitCreation(world: World, sandbox: SandboxIntent, { joins, undo }: Underway): void {
  const endpointIds = joins.map(({ endpoint }) => endpoint.id);
  undo.add("sandbox intent", () =>
    world.registry.commit({ remove: { endpoints: endpointIds, sandboxes: [sandbox.id] } }),
  );
  world.registry.commit({ put: entries(sandbox, joins, "creating") });
}

function settle(world: World, sandbox: SandboxIntent, joins: readonly Join[]): SandboxIntent {
  world.registry.restore({ put: entries(sandbox, joins, "live") });
  rememberPorts(world, sandbox.id);
  return world.registry.sandbox(sandbox.id)?.intent ?? sandbox;
}

function entries(sandbox: SandboxIntent, joins: readonly Join[], phase: Entry<unknown>["phase"]) {
  return {
    sandboxes: [{ intent: sandbox, phase }],
    endpoints: joins.map(({ endpoint }) => ({ intent: endpoint, phase })),
  };
}

async function build(world: World, sandbox: SandboxIntent, { joins, undo }: Underway): Promise<void> {
  const state = sandboxState(world, sandbox, joins);
  await change(world, NOTHING, state).catch((cause: unknown) => {
    throw EngineError.wrap(cause, `create sandbox of container ${sandbox.containerId}`);
  });
  undo.add("sandbox state", () => tearDown(world, state));
  await world.announcer.announce(sandboxNamespace(world, sandbox), joins);
  await forgetFlows(world, [], joins);
  await openRuntime(world, sandbox, { joins, undo });
  const { files, resolver } = runtimeOf(world, sandbox);
  await redirect(world, sandbox, resolver, undo);
  await files.write(await etcContent(world, sandbox, joins));
}

/** Files, names and resolver of a sandbox whose namespace is there; start-up does the same for those that it finds. */
export async function openRuntime(world: World, sandbox: SandboxIntent, { joins, undo }: Underway): Promise<void> {
  const files = new EtcFiles(sandbox.filesDirectory);
  undo.add("sandbox runtime", () => void world.runtimes.delete(sandbox.id));
  world.runtimes.set(sandbox.id, { files });
  if (!needsResolver(sandbox, joins)) return;
  const resolvConf = await resolvConfOf(world, sandbox, joins);
  undo.add("sandbox names", () => world.dns.change([...removeEndpoints(joins), { remove: "sandbox", id: sandbox.id }]));
  await world.dns.change([{ put: "sandbox", sandbox: dnsSandbox(sandbox, joins, resolvConf) }, ...putEndpoints(joins)]);
  world.runtimes.set(sandbox.id, { files, resolver: await startResolver(world, sandbox, undo) });
}

/** Accepts absence. Throws an AggregateError when the kernel kept something; asking again goes on where this stopped. */
export async function removeSandbox(world: World, id: string): Promise<void> {
  await closeLinks(world, id);
  await world.locks.run(sandboxKey(id), async () => {
    const sandbox = world.registry.sandbox(id)?.intent;
    if (sandbox === undefined) return;
    const joins = joinsOf(world, id);
    world.registry.commit({ put: entries(sandbox, joins, "removing") });
    await leaveDrivers(world, joins, joins);
    await dismantle(world, sandbox, joins);
    await withdrawEndpoints(world, joins);
    await endEndpoints(world, joins);
    await forget(world, sandbox, joins);
    for (const join of joins) emitEndpoint(world, "disconnect", join, sandbox);
  });
  await reconsiderNetworks(world);
}

/** Parents let go of the address before anybody else can have it. */
async function closeLinks(world: World, id: string): Promise<void> {
  const { registry } = world;
  const containerId = registry.sandbox(id)?.intent.containerId ?? "";
  if (registry.sandboxesLinkedTo(containerId).size === 0) return;
  await world.locks.run(sandboxKey(id), async () => {
    const sandbox = registry.sandbox(id)?.intent;
    if (sandbox !== undefined) registry.commit({ put: entries(sandbox, joinsOf(world, id), "removing") });
    return Promise.resolve();
  });
  await refreshParents(world, containerId);
}

/** The resolver goes first: its sockets would keep the namespace alive. */
async function dismantle(world: World, sandbox: SandboxIntent, joins: readonly Join[]): Promise<void> {
  const { resolver } = runtimeOf(world, sandbox);
  world.announcer.forget(sandboxNamespace(world, sandbox));
  const failures: unknown[] = [];
  const note = (cause: unknown): void => void failures.push(cause);
  if (resolver !== undefined) await world.dns.stop(sandbox.id).catch(note);
  if (resolver !== undefined || needsResolver(sandbox, joins)) {
    await world.dns.change([...removeEndpoints(joins), { remove: "sandbox", id: sandbox.id }]).catch(note);
  }
  await tearDown(world, both(sandboxState(world, sandbox, joins), resolverState(world, sandbox, resolver))).catch(note);
  await forgetFlows(world, joins, []);
  if (failures.length === 0) return;
  const text = failures.map(messageOf).join("; ");
  const doing = `remove sandbox of container ${sandbox.containerId}`;
  throw EngineError.wrap(new AggregateError(failures, text), doing);
}

function both(a: DesiredState, b: DesiredState): DesiredState {
  return { facts: [...a.facts, ...b.facts], policies: [...a.policies, ...b.policies] };
}

/** Leases, host ports and intents, once the kernel has nothing of it any more. */
export async function forget(world: World, sandbox: SandboxIntent, joins: readonly Join[]): Promise<void> {
  await unpublish(world, sandbox.id);
  for (const { network, endpoint } of joins) await releaseAddresses(world, network, endpoint);
  const endpoints = world.registry.endpointsOfSandbox(sandbox.id).map(({ intent }) => intent.id);
  world.registry.commit({ remove: { endpoints, sandboxes: [sandbox.id] } });
  world.runtimes.delete(sandbox.id);
}

/** Of a way out nobody is told: nobody asked for it. */
export function emitEndpoint(world: World, action: "connect" | "disconnect", join: Join, sandbox: SandboxIntent): void {
  if (isGatewayEndpoint(join)) return;
  const { network } = join;
  const attributes = { container: sandbox.containerId, name: network.name, type: network.driver };
  world.events.emit({ type: "network", action, actorId: network.id, attributes });
}
