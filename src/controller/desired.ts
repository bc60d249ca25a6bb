/**
 * Desired state of one slice of the model: a network, or a sandbox with all its endpoints. Pure over the registry: what the
 * drivers, the sandbox's stack and its resolver need, as kernel facts and firewall policies. Creation, removal, start-up and
 * repair all ask here.
 */
import { join } from "node:path";
import type { ResolverPorts } from "../dns/dns.ts";
import { RESOLVER_ADDRESS } from "../dns/resolv-conf.ts";
import { NOTHING, type DesiredState, type JoinInfo } from "../drivers/driver.ts";
import type { EndpointIntent, NetworkIntent } from "../drivers/intent.ts";
import { HOST, type NamespaceRef } from "../kernel/facts.ts";
import { compareEndpoints, type GatewayCandidate } from "../sandbox/gateway.ts";
import { sandboxFacts, type SandboxEndpoint } from "../sandbox/stack.ts";
import { isGatewayEndpoint } from "./gateway-endpoint.ts";
import { membersOf } from "./shared/members.ts";
import type { SandboxIntent } from "./sandbox-intent.ts";
import type { World } from "./world.ts";

/** An endpoint in its sandbox, with all that is asked about it. */
export interface Join extends GatewayCandidate {
  readonly endpoint: EndpointIntent;
  readonly network: NetworkIntent;
  readonly info: JoinInfo;
}

/** Directory of the namespace files that are ours; whatever else lies in there is swept at start. */
export function namespaceDirectory(runDirectory: string): string {
  return join(runDirectory, "netns");
}

/** `netns/<12 digits>`; for the host's own namespace the name that Docker shows for it. */
export function sandboxPath(world: Pick<World, "runDirectory">, sandbox: SandboxIntent): string {
  return join(namespaceDirectory(world.runDirectory), sandbox.hostNamespace ? "default" : sandbox.id.slice(0, 12));
}

/** The namespace as the kernel thread knows it. */
export function sandboxNamespace(world: Pick<World, "runDirectory">, sandbox: SandboxIntent): NamespaceRef {
  return sandbox.hostNamespace ? HOST : sandboxPath(world, sandbox);
}

export function networkState(world: World, network: NetworkIntent): DesiredState {
  return network.configOnly ? NOTHING : world.driver(network.driver).networkState(network, membersOf(world, network));
}

export function joinOf(world: World, network: NetworkIntent, endpoint: EndpointIntent): Join {
  const info = world.driver(network.driver).joinInfo(network, endpoint);
  return {
    endpoint,
    network,
    info,
    networkName: network.name,
    internal: network.internal,
    gatewayPriority: endpoint.gatewayPriority,
    gateways: info.gateways,
    ...(info.deviceRoutes === undefined ? {} : { deviceRoutes: info.deviceRoutes }),
    lastResort: isGatewayEndpoint({ network, endpoint }),
  };
}

/** Not where a daemon starts without the cluster whose network it was, say: nothing is known of its endpoints then. */
function hasDriver(world: World, { driver }: NetworkIntent): boolean {
  try {
    world.driver(driver);
    return true;
  } catch {
    return false;
  }
}

/** The sandbox's endpoints in gateway order: the first that offers a gateway gives the default route. */
export function joinsOf(world: World, sandboxId: string): readonly Join[] {
  return world.registry
    .endpointsOfSandbox(sandboxId)
    .flatMap(({ intent }) => {
      const network = world.registry.network(intent.networkId)?.intent;
      return network === undefined || !hasDriver(world, network) ? [] : [joinOf(world, network, intent)];
    })
    .sort(compareEndpoints);
}

/** Everything the sandbox needs with these endpoints; nothing when it lives in the host's namespace. */
export function sandboxState(world: World, sandbox: SandboxIntent, joins: readonly Join[]): DesiredState {
  if (sandbox.hostNamespace) return NOTHING;
  const namespace = sandboxNamespace(world, sandbox);
  const states = joins.map(({ network, endpoint }) =>
    world.driver(network.driver).endpointState(network, endpoint, {
      namespace,
      interfaceName: endpoint.attachment?.interfaceName ?? "",
    }),
  );
  const stack = sandboxFacts({ namespace, endpoints: joins.flatMap(stackEndpoint), sysctls: sandbox.sysctls });
  return {
    facts: [...stack, ...states.flatMap((state) => state.facts)],
    policies: states.flatMap((state) => state.policies),
  };
}

/** An endpoint without an interface (of the null driver) takes no part in the stack. */
function stackEndpoint(join: Join): SandboxEndpoint[] {
  const interfaceName = join.endpoint.attachment?.interfaceName ?? "";
  if (interfaceName === "") return [];
  const { addresses, options } = join.endpoint;
  return [{ ...join, interfaceName, addresses, options, routes: join.info.routes }];
}

/** Port 53 of the sandbox leads to its resolver. */
export function resolverState(world: World, sandbox: SandboxIntent, resolver: ResolverPorts | undefined): DesiredState {
  if (resolver === undefined) return NOTHING;
  const namespace = sandboxNamespace(world, sandbox);
  return { facts: [], policies: [{ kind: "dns-redirect", namespace, address: RESOLVER_ADDRESS, ...resolver }] };
}
