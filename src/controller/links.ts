/**
 * Links on the default bridge (`docker run --link NAME:ALIAS`): the parent's hosts file names the child, and where containers do
 * not reach each other, the child's exposed ports are open to the parent. Where the child is, is looked up whenever it starts,
 * ends or changes networks; its address may be somebody else's the moment after.
 */
import { isDeepStrictEqual } from "node:util";
import type { IpAddress } from "../addr/ip-address.ts";
import { messageOf } from "../base/errors.ts";
import type { NetworkIntent } from "../drivers/intent.ts";
import type { HostsEntry } from "../sandbox/hosts-file.ts";
import { change } from "./apply.ts";
import type { SandboxLink } from "./cnm.ts";
import { joinsOf, sandboxState, type Join } from "./desired.ts";
import type { SandboxIntent } from "./sandbox-intent.ts";
import { runtimeOf, sandboxKey, type World } from "./world.ts";

/** The endpoints, with what the sandbox's links open as the children are now. Nothing waits: it can be committed at once. */
export function withLinks(world: World, sandbox: SandboxIntent, joins: readonly Join[]): readonly Join[] {
  if (sandbox.links.length === 0) return joins;
  return joins.map((join) => {
    if (!isDefaultBridge(join.network)) return join;
    const links = sandbox.links.flatMap((link) =>
      childAddresses(world, link, join.network).flatMap((child) => link.ports.map((port) => ({ child, ...port }))),
    );
    return { ...join, endpoint: { ...join.endpoint, links } };
  });
}

/** Lines for hosts: the child's names at each of its addresses, while it runs. */
export function linkHosts(world: World, sandbox: SandboxIntent, joins: readonly Join[]): readonly HostsEntry[] {
  const networks = joins.map(({ network }) => network).filter(isDefaultBridge);
  return networks.flatMap((network) =>
    sandbox.links.flatMap((link) =>
      childAddresses(world, link, network).map((address) => ({ address, names: link.names })),
    ),
  );
}

/** To be called, without any sandbox's lock, after the container's endpoints changed and before its addresses are given up. */
export async function refreshParents(world: World, containerId: string): Promise<void> {
  for (const id of world.registry.sandboxesLinkedTo(containerId)) await refreshLinks(world, id);
}

/** What cannot be brought in line is logged, and tried again with the next change. */
export async function refreshLinks(world: World, sandboxId: string): Promise<void> {
  try {
    await world.locks.run(sandboxKey(sandboxId), async () => refresh(world, sandboxId));
  } catch (cause) {
    world.log.error({ sandbox: sandboxId, err: cause }, `links not brought in line: ${messageOf(cause)}`);
  }
}

/** At start-up, before anything is planned: children may be gone since. */
export function restoreLinks(world: World): void {
  for (const { intent, phase } of world.registry.sandboxes()) {
    if (phase === "live")
      commitChanged(world, joinsOf(world, intent.id), withLinks(world, intent, joinsOf(world, intent.id)));
  }
}

async function refresh(world: World, sandboxId: string): Promise<void> {
  const entry = world.registry.sandbox(sandboxId);
  if (entry?.phase !== "live" || entry.intent.links.length === 0) return;
  const sandbox = entry.intent;
  const before = joinsOf(world, sandboxId);
  const after = withLinks(world, sandbox, before);
  commitChanged(world, before, after);
  await change(world, sandboxState(world, sandbox, before), sandboxState(world, sandbox, after));
  const names = sandbox.links.map((link) => link.names);
  await runtimeOf(world, sandbox).files.replaceHosts(names, linkHosts(world, sandbox, after));
}

function commitChanged(world: World, before: readonly Join[], after: readonly Join[]): void {
  const changed = after.filter(
    ({ endpoint }, index) => !isDeepStrictEqual(endpoint.links, before[index]?.endpoint.links),
  );
  if (changed.length === 0) return;
  const endpoints = changed.map(({ endpoint }) => ({ intent: endpoint, phase: "live" as const }));
  world.registry.commit({ put: { endpoints } });
}

function isDefaultBridge(network: NetworkIntent): boolean {
  return network.predefined && network.name === "bridge";
}

function childAddresses(world: World, link: SandboxLink, network: NetworkIntent): readonly IpAddress[] {
  return [...world.registry.sandboxesOfContainer(link.containerId)]
    .filter((id) => world.registry.sandbox(id)?.phase === "live")
    .flatMap((id) => world.registry.endpointsOfSandbox(id))
    .filter(({ intent, phase }) => phase === "live" && intent.networkId === network.id)
    .flatMap(({ intent }) => intent.addresses.map(({ address }) => address));
}
