/**
 * One more or one fewer endpoint in a sandbox that runs: ports, kernel, names and files, each undone when what follows fails.
 * Both are the difference of the sandbox's desired state with and without the endpoint, so the default route moves with
 * whoever comes first in gateway order. To be called under the sandbox's lock.
 */
import { EngineError, messageOf } from "../base/errors.ts";
import { Rollback } from "../base/rollback.ts";
import { compareEndpoints } from "../sandbox/gateway.ts";
import { change, changeAll } from "./apply.ts";
import { sandboxNamespace, sandboxState, type Join } from "./desired.ts";
import { releaseAddresses } from "./lease-addresses.ts";
import { forgetFlows } from "./port-flows.ts";
import { askOperationalInfo, endEndpoints, leaveDrivers, moveConnectivity } from "./plugins/plugin-calls.ts";
import { publish, unpublish, type Published } from "./publish.ts";
import type { EndpointEntry, SandboxEntry } from "./registry.ts";
import { ownHosts, resolvConfOf } from "./sandbox-files.ts";
import { forgetMembersIfUndone, shareEndpoints, withdrawEndpoints } from "./shared/shared-endpoints.ts";
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
import { runtimeOf, type World } from "./world.ts";

interface Plug {
  readonly before: readonly Join[];
  readonly added: Join;
  readonly undo: Rollback;
}

/** The drafted endpoint, joined to the sandbox beside those that it has; ports move to it when it becomes the gateway. */
export async function plugIn(
  world: World,
  sandbox: SandboxIntent,
  { before, added: draft, undo }: Plug,
): Promise<Join> {
  const published = await publish(world, sandbox, [...before, draft].sort(compareEndpoints), undo);
  const added = published.joins.find(({ endpoint }) => endpoint.id === draft.endpoint.id) ?? draft;
  await makeConnection(world, published, { before, added, undo });
  await moveConnectivity(world, published.sandbox, { before, after: published.joins, undo });
  await askOperationalInfo(world, [added]);
  return added;
}

async function makeConnection(world: World, published: Published, { before, added, undo }: Plug): Promise<void> {
  const { registry } = world;
  const { sandbox, joins: after } = published;
  forgetMembersIfUndone(world, [added], undo);
  commitConnection(world, published, { before, added, undo });
  await shareEndpoints(world, [added], undo);
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

interface Unplug {
  /** Of the sandbox, the leaving one among them. */
  readonly all: readonly Join[];
  readonly leaving: Join;
}

/** The endpoint leaves the sandbox and is no more; its address and, where it was the gateway, its ports go on to others. */
export async function unplug(world: World, sandbox: SandboxIntent, { all, leaving }: Unplug): Promise<void> {
  await leaveDrivers(world, all, [leaving]);
  const published = await moveAway(world, sandbox, { all, leaving });
  await breakConnection(world, published, { all, leaving });
  await withdrawEndpoints(world, [leaving]);
  await endEndpoints(world, [leaving], { sandbox: published.sandbox, all, rest: published.joins });
  await releaseAddresses(world, leaving.network, leaving.endpoint);
  world.registry.commit({
    put: liveEntries(published.sandbox, published.joins),
    remove: { endpoints: [leaving.endpoint.id] },
  });
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

async function breakConnection(
  world: World,
  { sandbox, joins: rest }: Published,
  { all, leaving }: Unplug,
): Promise<void> {
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
