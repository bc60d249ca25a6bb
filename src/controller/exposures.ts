/** Every published port as it stands, with who can really reach it: the intents, seen beside the host's addresses and firewalls. */
import { exposureOf, type PublishedPlace } from "../ports/exposure/exposure.ts";
import { observeHost } from "../ports/exposure/host-situation.ts";
import type { PortExposure } from "./cnm.ts";
import { joinsOf, type Join } from "./desired.ts";
import { isGatewayEndpoint } from "./gateway-endpoint.ts";
import type { World } from "./world.ts";

/** In the order of the sandboxes' creation, then as the endpoints have them. */
export async function exposures(world: World): Promise<readonly PortExposure[]> {
  const found = world.registry
    .sandboxes()
    .flatMap(({ intent, phase }) =>
      phase !== "live" ? [] : placesOfSandbox(intent.containerId, joinsOf(world, intent.id)),
    );
  if (found.length === 0) return [];
  const host = await observeHost(world.kernel, world.translatedFamilies ?? [4, 6]);
  return found.map((place) => ({ ...place, ...exposureOf(place, host) }));
}

type Place = PublishedPlace & Pick<PortExposure, "containerId" | "name" | "networkName">;

/** A way out that nobody asked for goes by the name that the container has elsewhere. */
function placesOfSandbox(containerId: string, joins: readonly Join[]): readonly Place[] {
  const name = joins.find((join) => !isGatewayEndpoint(join))?.endpoint.name;
  return joins.flatMap((join) => placesOf(containerId, join, isGatewayEndpoint(join) ? name : undefined));
}

/** A port of a family that the container does not have leads, by the proxy, to its other address. */
function placesOf(containerId: string, { endpoint, networkName }: Join, name = endpoint.name): readonly Place[] {
  const { addresses, ports } = endpoint;
  return ports.flatMap((port) => {
    const own = addresses.find(({ address }) => address.family === port.hostAddress.family) ?? addresses[0];
    return own === undefined ? [] : [{ ...port, containerAddress: own.address, containerId, name, networkName }];
  });
}
