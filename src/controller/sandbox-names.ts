/**
 * A sandbox's part in DNS. Sandboxes with a user-defined network have a resolver that knows the names of the networks they
 * are on; endpoints are known by name on user-defined networks only (Docker has no names on the default bridge).
 */
import { isDeepStrictEqual } from "node:util";
import type { DnsChange, DnsSandbox, ResolverPorts } from "../dns/dns.ts";
import type { GeneratedResolvConf } from "../dns/resolv-conf.ts";
import type { Rollback } from "../base/rollback.ts";
import { NOTHING } from "../drivers/driver.ts";
import { change, changeAll } from "./apply.ts";
import { resolverState, sandboxNamespace, type Join } from "./desired.ts";
import { isGatewayEndpoint } from "./gateway-endpoint.ts";
import type { SandboxIntent } from "./sandbox-intent.ts";
import { isUserDefined, type World } from "./world.ts";

export function needsResolver(sandbox: SandboxIntent, joins: readonly Join[]): boolean {
  return !sandbox.hostNamespace && joins.some(isNamed);
}

/** On the way out alone nobody has a name. */
function isNamed(join: Join): boolean {
  return isUserDefined(join.network) && !isGatewayEndpoint(join);
}

/** `joins` in gateway order. `resolvConf` is the sandbox's file in internal mode: it says whom the resolver asks. */
export function dnsSandbox(
  sandbox: SandboxIntent,
  joins: readonly Join[],
  resolvConf: Pick<GeneratedResolvConf, "upstreams" | "ndotsSet">,
): DnsSandbox {
  const named = joins.filter(isNamed);
  return {
    id: sandbox.id,
    networkIds: named.map(({ network }) => network.id),
    privateAliases: Object.fromEntries(named.map(({ network, endpoint }) => [network.id, endpoint.privateAliases])),
    upstreams: resolvConf.upstreams,
    external: joins.some(({ gateways, deviceRoutes = [] }) => gateways.length + deviceRoutes.length > 0),
    ndotsSet: resolvConf.ndotsSet,
  };
}

export function putEndpoints(joins: readonly Join[]): readonly DnsChange[] {
  return joins.filter(isNamed).map(({ endpoint }) => ({
    put: "endpoint",
    endpoint: {
      id: endpoint.id,
      networkId: endpoint.networkId,
      names: endpoint.dnsNames,
      addresses: endpoint.addresses.map(({ address }) => address),
    },
  }));
}

export function removeEndpoints(joins: readonly Join[]): readonly DnsChange[] {
  return joins.filter(isNamed).map(({ endpoint }) => ({ remove: "endpoint", id: endpoint.id }));
}

/** Serves the sandbox; its port 53 leads there once `redirect` is done. The DNS service knows the sandbox already. */
export async function startResolver(world: World, sandbox: SandboxIntent, undo: Rollback): Promise<ResolverPorts> {
  undo.add("resolver", () => world.dns.stop(sandbox.id));
  const { udpPort, tcpPort } = await world.dns.serve(sandbox.id, sandboxNamespace(world, sandbox), sandbox.resolver);
  return { udpPort, tcpPort };
}

/** So that the next start listens where the redirect leads already: not one query is lost, not one rule rewritten. */
export function rememberPorts(world: World, sandboxId: string): void {
  const entry = world.registry.sandbox(sandboxId);
  const resolver = world.runtimes.get(sandboxId)?.resolver;
  if (entry === undefined || resolver === undefined || isDeepStrictEqual(entry.intent.resolver, resolver)) return;
  world.registry.commit({ put: { sandboxes: [{ ...entry, intent: { ...entry.intent, resolver } }] } });
}

/** Leads the sandbox's port 53 to where its resolver listens. */
export async function redirect(
  world: World,
  sandbox: SandboxIntent,
  resolver: ResolverPorts | undefined,
  undo: Rollback,
): Promise<void> {
  const state = resolverState(world, sandbox, resolver);
  undo.add("redirect to the resolver", () => changeAll(world, state, NOTHING));
  await change(world, NOTHING, state);
}
