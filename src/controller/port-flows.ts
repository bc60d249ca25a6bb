/**
 * What the kernel still tracks of UDP flows when published ports change: entries outlive the rules that made them, for as long
 * as packets come. Exactly those of the mappings that came or went are forgotten (moby issue 53384: never by the container's
 * port alone).
 */
import { formatAddress, isUnspecified, type IpAddress } from "../addr/ip-address.ts";
import { messageOf } from "../base/errors.ts";
import type { PublishedPort } from "../drivers/intent.ts";
import type { FlowPattern } from "../kernel/conntrack/flow.ts";
import { HOST } from "../kernel/facts.ts";
import type { Join } from "./desired.ts";
import type { World } from "./world.ts";

/**
 * After the rules changed: UDP flows that are tracked the old way would go on as before, to a container that is gone or past
 * the one that is there. Exactly those are forgotten: of mappings that went what led to their container, of mappings that
 * came what the host itself would have answered. A failure is logged: the ports work, only old flows wait for their end.
 */
export async function forgetFlows(world: World, before: readonly Join[], after: readonly Join[]): Promise<void> {
  const [old, next] = [udpMappings(before), udpMappings(after)];
  const gone = [...old].filter(([key]) => !next.has(key)).map(([, mapping]) => mapping);
  const come = [...next].filter(([key]) => !old.has(key)).map(([, mapping]) => mapping);
  if (gone.length + come.length === 0) return;
  try {
    const untranslated = come.length === 0 ? [] : await untranslatedFlows(world, come);
    await world.kernel.forgetFlows(HOST, [...gone.map(translatedFlow), ...untranslated]);
  } catch (cause) {
    world.log.warn({ err: cause }, `old UDP flows of published ports live on: ${messageOf(cause)}`);
  }
}

interface UdpMapping extends PublishedPort {
  readonly hostPorts: NonNullable<PublishedPort["hostPorts"]>;
  readonly container: IpAddress;
}

function udpMappings(joins: readonly Join[]): ReadonlyMap<string, UdpMapping> {
  const mappings = joins.flatMap(({ endpoint }) =>
    endpoint.ports.flatMap(({ hostPorts, ...port }): UdpMapping[] => {
      const { family } = port.hostAddress;
      const container = endpoint.addresses.find(({ address }) => address.family === family)?.address;
      const isTracked = port.protocol === "udp" && hostPorts !== undefined && container !== undefined;
      return isTracked ? [{ ...port, hostPorts, container }] : [];
    }),
  );
  return new Map(mappings.map((mapping) => [keyOf(mapping), mapping]));
}

function keyOf({ hostAddress, hostPorts, container, containerPorts }: UdpMapping): string {
  const numbers = [hostPorts.first, hostPorts.last, containerPorts.first].join(" ");
  return `${formatAddress(hostAddress)} ${formatAddress(container)} ${numbers}`;
}

function translatedFlow({ hostAddress, hostPorts, container }: UdpMapping): FlowPattern {
  const base = {
    family: container.family,
    protocol: "udp",
    destinationPorts: hostPorts,
    answeredBy: container,
  } as const;
  return isUnspecified(hostAddress) ? base : { ...base, destination: hostAddress };
}

async function untranslatedFlows(world: World, mappings: readonly UdpMapping[]): Promise<readonly FlowPattern[]> {
  const { addresses } = await world.kernel.observe(HOST);
  return mappings.flatMap(({ hostAddress, hostPorts }) => {
    const { family } = hostAddress;
    const own = addresses.map(({ address }) => address.address).filter((address) => address.family === family);
    return (isUnspecified(hostAddress) ? own : [hostAddress]).map((address): FlowPattern => ({
      family,
      protocol: "udp",
      destination: address,
      destinationPorts: hostPorts,
      answeredBy: address,
    }));
  });
}
