/**
 * What the kernel has of an endpoint that is lent to another engine: its interface, and nothing else. Where that is once the
 * other engine has it, and what is done with it there, is not looked at.
 */
import { NOTHING, type DesiredState } from "../../drivers/driver.ts";
import type { EndpointIntent, NetworkIntent } from "../../drivers/intent.ts";
import { HOST, type KernelFact, type NamespaceRef } from "../../kernel/facts.ts";
import type { EndpointEntry, Registry } from "../registry.ts";
import type { World } from "../world.ts";

export function lentEndpoints(registry: Registry): readonly EndpointEntry[] {
  return registry.endpoints().filter(({ intent }) => intent.lent !== undefined);
}

/** Of the interface in the host's namespace, from where the other engine moves it. */
export function lentInterfaceName({ id }: Pick<EndpointIntent, "id">): string {
  return `cwl${id.slice(0, 8)}`;
}

/** As long as it is lent; nothing before it joins. */
export function lentState(world: World, endpoint: EndpointIntent): DesiredState {
  const { sandboxKey } = endpoint.lent ?? {};
  const network = world.registry.network(endpoint.networkId)?.intent;
  if (sandboxKey === undefined || network === undefined) return NOTHING;
  return interfaceState(world, { network, endpoint }, { namespace: sandboxKey, givenAway: true });
}

/** At the moment when it is handed over. */
export function handedOverState(
  world: World,
  lent: { readonly network: NetworkIntent; readonly endpoint: EndpointIntent },
): DesiredState {
  return interfaceState(world, lent, { namespace: HOST, givenAway: false });
}

/** The other end is the other engine's to switch on. */
function interfaceState(
  world: World,
  { network, endpoint }: { readonly network: NetworkIntent; readonly endpoint: EndpointIntent },
  { namespace, givenAway }: { readonly namespace: NamespaceRef; readonly givenAway: boolean },
): DesiredState {
  const place = { namespace, interfaceName: lentInterfaceName(endpoint) };
  const { facts } = world.driver(network.driver).endpointState(network, endpoint, place);
  return { facts: facts.flatMap((fact) => pairOnly(fact, givenAway)), policies: [] };
}

function pairOnly(fact: KernelFact, givenAway: boolean): readonly KernelFact[] {
  if (fact.kind !== "link" || fact.device.type !== "veth") return [];
  const peer = { ...fact.device.peer, up: false, ...(givenAway && { givenAway }) };
  return [{ ...fact, device: { ...fact.device, peer } }];
}
