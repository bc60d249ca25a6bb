/**
 * Start-up: a restart is a difference, never a flush. Loads the intents, takes their leases again, looks at what the kernel
 * has, and applies what is missing or too much; where nothing changed that is nothing at all. Then resolvers are served
 * again, and the firewall is brought in line.
 */
import { readdir } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { messageOf } from "../base/errors.ts";
import { someAtOnce } from "../base/some-at-once.ts";
import type { NetworkIntent } from "../drivers/intent.ts";
import { NOTHING, type DesiredState } from "../drivers/driver.ts";
import { HOST, type KernelFact } from "../kernel/facts.ts";
import type { Observation } from "../kernel/observation.ts";
import { planChange, planRepair } from "../kernel/plan.ts";
import type { Step } from "../kernel/step.ts";
import { Rollback } from "../base/rollback.ts";
import {
  joinsOf,
  type Join,
  namespaceDirectory,
  networkState,
  resolverState,
  sandboxNamespace,
  sandboxPath,
  sandboxState,
} from "./desired.ts";
import { takeUpMembers } from "./shared/follow-members.ts";
import { releaseAddresses, replayAddresses } from "./lease-addresses.ts";
import { isPlugin, replayPools } from "./lease-pools.ts";
import { settleWaysOut } from "./gateway-network.ts";
import { refreshLinks, restoreLinks } from "./links.ts";
import { loadRecords, type UnreadIds } from "./load-records.ts";
import { forgetLostLent } from "./lent/lost-lent.ts";
import { lentEndpoints, lentState } from "./lent/lent-state.ts";
import { expectPlugins } from "./plugins/expected-plugins.ts";
import { endLostEndpoints } from "./plugins/plugin-calls.ts";
import { holdAgain } from "./publish.ts";
import { ensureDefaultBridge, ensureFixedNetworks } from "./predefined.ts";
import { replayPlugins } from "./plugins/replay-plugins.ts";
import type { SandboxIntent } from "./sandbox-intent.ts";
import { rememberPorts } from "./sandbox-names.ts";
import { openRuntime } from "./sandboxes.ts";
import { syncNetworks } from "./shared/shared-networks.ts";
import { isShared } from "./shared/shared-record.ts";
import { strayNamespaces, withoutSpokenFor } from "./sweep.ts";
import { isUserDefined, type World } from "./world.ts";

/** Resolvers that are opened side by side: each is a few questions to two threads. */
const RUNTIMES_AT_ONCE = 16;

/** What start-up found and did. */
export interface StartReport {
  /** Kernel steps applied; 0 after a restart where nothing changed. */
  readonly steps: number;
  readonly rules: { readonly added: number; readonly removed: number };
  /** Ids of stored records that could not be read. */
  readonly unread: UnreadIds;
}

export async function start(world: World): Promise<StartReport> {
  const unread = loadRecords(world);
  expectPlugins(world);
  const found = await observeSandboxes(world);
  await forgetLostLent(world);
  restoreLinks(world);
  const replaced = await takeLeases(world);
  await syncNetworks(world);
  const facts = allStates(world, unread).flatMap((state) => state.facts);
  const observations = [await observe(world, HOST, facts), ...found, ...(await observeNetworks(world, facts))];
  const repair = withoutSpokenFor(planRepair(facts, observations), (id) => unread.has(id));
  const steps = [...changeOfBridge(world, replaced), ...repair, ...(await sweepNamespaces(world, { facts, unread }))];
  await applyLogged(world, steps);
  await openRuntimes(world);
  const rules = await world.firewall.reconcile(allStates(world, unread).flatMap(({ policies }) => policies));
  for (const { intent } of world.registry.sandboxes()) {
    if (intent.links.length > 0) await refreshLinks(world, intent.id);
  }
  await settleWaysOut(world);
  void replayPlugins(world);
  world.log.info({ steps: steps.length, ...rules }, "networks are as intended");
  return { steps: steps.length, rules, unread };
}

/** What the sandboxes' namespaces have. A sandbox whose namespace is gone (a reboot, say) is forgotten. */
async function observeSandboxes(world: World): Promise<readonly Observation[]> {
  const owned = world.registry.sandboxes().filter(({ intent }) => !intent.hostNamespace);
  const looked = owned.map(async ({ intent }) => {
    try {
      return await observe(world, sandboxNamespace(world, intent), sandboxFactsOf(world, intent));
    } catch (cause) {
      world.log.info({ sandbox: intent.id, reason: messageOf(cause) }, "sandbox is gone, its leases are free again");
      await forgetLeases(world, joinsOf(world, intent.id));
      endLostEndpoints(world, joinsOf(world, intent.id));
      const endpoints = world.registry.endpointsOfSandbox(intent.id).map((entry) => entry.intent.id);
      world.registry.commit({ remove: { endpoints, sandboxes: [intent.id] } });
      return undefined;
    }
  });
  return (await Promise.all(looked)).filter((observation) => observation !== undefined);
}

/** Only the cluster remembers who had an address. */
async function forgetLeases(world: World, joins: readonly Join[]): Promise<void> {
  for (const { network, endpoint } of joins) {
    if (isShared(world, network) && !isPlugin(world, network)) await releaseAddresses(world, network, endpoint);
  }
}

/** What the namespaces of networks have. One that is not there will be made. */
async function observeNetworks(world: World, facts: readonly KernelFact[]): Promise<readonly Observation[]> {
  const sandboxes = new Set(world.registry.sandboxes().map(({ intent }) => sandboxNamespace(world, intent)));
  const paths = facts.flatMap((fact) => (fact.kind === "namespace" && !sandboxes.has(fact.path) ? [fact.path] : []));
  const looked = paths.map((path) => observe(world, path, facts).catch(() => undefined));
  return (await Promise.all(looked)).filter((observation) => observation !== undefined);
}

/** Looks at a namespace, the sysctls among the facts included. */
export async function observe(
  { kernel }: Pick<World, "kernel">,
  namespace: string,
  facts: readonly KernelFact[],
): Promise<Observation> {
  const keys = facts.flatMap((fact) => (fact.kind === "sysctl" && fact.namespace === namespace ? [fact.key] : []));
  return kernel.observe(namespace, [...new Set(keys)]);
}

function sandboxFactsOf(world: World, sandbox: SandboxIntent): readonly KernelFact[] {
  return sandboxState(world, sandbox, joinsOf(world, sandbox.id)).facts;
}

/** The default bridge comes last: its subnet may be chosen, and must then avoid all others. */
async function takeLeases(world: World): Promise<NetworkIntent | undefined> {
  ensureFixedNetworks(world);
  const networks = world.registry.networks().map(({ intent }) => intent);
  for (const network of networks.filter(({ predefined }) => !predefined)) await replayLogged(world, network);
  const replaced = await ensureDefaultBridge(world);
  const bridge = world.registry.networkByName("bridge")?.intent;
  if (bridge !== undefined) await replayEndpoints(world, bridge);
  for (const network of networks.filter(isUserDefined)) await replayEndpoints(world, network);
  return replaced;
}

/** Other settings than last time: an address that the bridge shall no longer have is no drift, and no repair removes it. */
function changeOfBridge(world: World, replaced: NetworkIntent | undefined): readonly Step[] {
  const bridge = world.registry.networkByName("bridge")?.intent;
  if (replaced === undefined || bridge === undefined) return [];
  return planChange(networkState(world, replaced).facts, networkState(world, bridge).facts);
}

/**
 * A network that cannot have its pools back is kept and said: its endpoints work, new ones may not. What was leased from the
 * cluster is still leased, and compared when the cluster can be asked.
 */
async function replayLogged(world: World, network: NetworkIntent): Promise<void> {
  if (isShared(world, network)) return;
  const undo = new Rollback();
  try {
    await replayPools(world, network, undo);
    undo.commit();
  } catch (cause) {
    await undo[Symbol.asyncDispose]();
    world.log.error({ network: network.name, err: cause }, `address pools not restored: ${messageOf(cause)}`);
  }
}

async function replayEndpoints(world: World, network: NetworkIntent): Promise<void> {
  if (isShared(world, network)) return;
  for (const { intent } of world.registry.endpointsOfNetwork(network.id)) {
    try {
      await replayAddresses(world, network, intent);
    } catch (cause) {
      world.log.error({ endpoint: intent.id, err: cause }, `addresses not restored: ${messageOf(cause)}`);
    }
  }
}

/** Everything that shall hold: of networks, sandboxes and resolvers. */
function allStates(world: World, unread: Set<string>): readonly DesiredState[] {
  const { registry, runtimes } = world;
  const stateOf = (ids: readonly string[], state: () => DesiredState): DesiredState => {
    try {
      return state();
    } catch (cause) {
      // A driver refuses what another version stored: that must not keep the rest from starting, nor be swept.
      world.log.error({ ids, err: cause }, `intent cannot be carried out: ${messageOf(cause)}`);
      for (const id of ids) unread.add(id);
      return NOTHING;
    }
  };
  return [
    ...registry.networks().map(({ intent }) => stateOf([intent.id], () => networkState(world, intent))),
    ...registry.sandboxes().flatMap(({ intent }) => {
      const endpoints = registry.endpointsOfSandbox(intent.id).map((entry) => entry.intent.id);
      return [
        stateOf([intent.id, ...endpoints], () => sandboxState(world, intent, joinsOf(world, intent.id))),
        resolverState(world, intent, runtimes.get(intent.id)?.resolver),
      ];
    }),
    ...lentEndpoints(registry).map(({ intent }) => stateOf([intent.id], () => lentState(world, intent))),
  ];
}

async function sweepNamespaces(
  world: World,
  { facts, unread }: { readonly facts: readonly KernelFact[]; readonly unread: UnreadIds },
): Promise<readonly Step[]> {
  const directory = namespaceDirectory(world.runDirectory);
  const names = await readdir(directory).catch(() => []);
  const sandboxes = world.registry.sandboxes().map(({ intent }) => sandboxPath(world, intent));
  const owned = [...sandboxes, ...facts.flatMap((fact) => (fact.kind === "namespace" ? [fact.path] : []))];
  return strayNamespaces(names, owned, unread).map((name) => ({
    action: "remove",
    fact: { kind: "namespace", path: joinPath(directory, name) },
  }));
}

async function applyLogged(world: World, steps: readonly Step[]): Promise<void> {
  if (steps.length === 0) return;
  try {
    await world.kernel.applyAll(steps);
  } catch (cause) {
    world.log.error({ err: cause }, `not everything could be made as intended: ${messageOf(cause)}`);
  }
}

/** Names of networks, and each live sandbox's host ports, files, names and resolver; redirects come with the reconciliation after. */
async function openRuntimes(world: World): Promise<void> {
  const { registry, dns } = world;
  const named = registry.networks().filter(({ intent }) => isUserDefined(intent));
  const networks = named.map(({ intent: { id, name } }) => ({ put: "network", network: { id, name } }) as const);
  if (networks.length > 0) await dns.change(networks);
  await takeUpMembers(world);
  for (const { intent } of registry.sandboxes()) await holdAgain(world, intent, joinsOf(world, intent.id));
  await someAtOnce(registry.sandboxes(), RUNTIMES_AT_ONCE, ({ intent }) => openRuntimeLogged(world, intent));
}

async function openRuntimeLogged(world: World, sandbox: SandboxIntent): Promise<void> {
  const undo = new Rollback();
  try {
    await openRuntime(world, sandbox, { joins: joinsOf(world, sandbox.id), undo });
    undo.commit();
    rememberPorts(world, sandbox.id);
  } catch (cause) {
    // What was done stays: its neighbours know its names at least.
    world.log.error({ sandbox: sandbox.id, err: cause }, `sandbox has no resolver: ${messageOf(cause)}`);
  }
}
