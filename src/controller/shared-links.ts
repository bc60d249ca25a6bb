/**
 * Links of the host that several networks may stand on, such as the 802.1Q link of a parent like eth0.10: made by the first, and
 * taken away with the last.
 */
import type { DesiredState } from "../drivers/driver.ts";
import type { NetworkIntent } from "../drivers/intent.ts";
import type { KernelFact } from "../kernel/facts.ts";
import { factKey } from "../kernel/plan.ts";
import { networkState } from "./desired.ts";
import type { World } from "./world.ts";

/** The network's state without the links that other networks still stand on. */
export function withoutSharedLinks(world: World, network: NetworkIntent, state: DesiredState): DesiredState {
  if (!state.facts.some(isShareable)) return state;
  const wanted = new Set(othersOf(world, network).flatMap((other) => networkState(world, other).facts.map(factKey)));
  return { ...state, facts: state.facts.filter((fact) => !isShareable(fact) || !wanted.has(factKey(fact))) };
}

function isShareable(fact: KernelFact): boolean {
  return fact.kind === "link" && fact.device.type === "vlan";
}

/** Networks of drivers that may share a parent, over whatever network. */
function othersOf(world: World, { id }: NetworkIntent): readonly NetworkIntent[] {
  return world.registry
    .networks()
    .map(({ intent }) => intent)
    .filter((other) => other.id !== id && !other.configOnly && bypassesRouting(world, other));
}

function bypassesRouting(world: World, { driver }: NetworkIntent): boolean {
  return world.drivers.some((each) => each.name === driver && each.capabilities.bypassesRouting === true);
}
