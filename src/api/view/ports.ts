/**
 * A container's ports as Docker shows them: `NetworkSettings.Ports` of inspect and `Ports` of the list (API v1.51). Only what
 * runs has any; a port that is exposed and not published has no binding.
 */
import { compareAddresses, formatAddress, type IpAddress } from "../../addr/ip-address.ts";
import type { SandboxView } from "../../controller/cnm.ts";
import type { Container } from "../../engine/container.ts";
import { splitPorts } from "../../ports/merge-ports.ts";

/** One port of a container at one address of the host. */
export interface ShownPort {
  /** `80/tcp` */
  readonly port: string;
  readonly hostAddress: IpAddress;
  /** Absent in routed mode. */
  readonly hostPort?: number;
}

/** By container port, IPv4 before IPv6. */
export function publishedPorts(sandbox: SandboxView | undefined): readonly ShownPort[] {
  const mappings = (sandbox?.endpoints ?? []).flatMap(({ endpoint }) => endpoint.ports.flatMap(splitPorts));
  return mappings
    .toSorted(
      (a, b) => a.containerPorts.first - b.containerPorts.first || compareAddresses(a.hostAddress, b.hostAddress),
    )
    .map(({ protocol, hostAddress, hostPorts, containerPorts }) => ({
      port: `${containerPorts.first}/${protocol}`,
      hostAddress,
      ...(hostPorts === undefined ? {} : { hostPort: hostPorts.first }),
    }));
}

interface PortsSource {
  readonly container: Container;
  readonly sandbox: SandboxView | undefined;
}

function isUp({ state }: Container): boolean {
  return state.status === "running" || state.status === "paused";
}

/** Who shares another container's stack shows none of that one's ports. */
function ownPorts({ container, sandbox }: PortsSource): readonly ShownPort[] {
  return isUp(container) && container.spec.network.kind !== "container" ? publishedPorts(sandbox) : [];
}

export function portMapView(
  source: PortsSource,
): Record<string, readonly { HostIp: string; HostPort: string }[] | null> {
  if (!isUp(source.container)) return {};
  const exposed = source.container.spec.exposedPorts.map((port) => [port, null] as const);
  const published = Map.groupBy(ownPorts(source), ({ port }) => port);
  return {
    ...Object.fromEntries(exposed),
    ...Object.fromEntries([...published].map(([port, list]) => [port, list.map(bindingView)])),
  };
}

function bindingView({ hostAddress, hostPort }: ShownPort) {
  return { HostIp: formatAddress(hostAddress), HostPort: hostPort === undefined ? "" : String(hostPort) };
}

export interface PortSummary {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

export function portSummaries(source: PortsSource): readonly PortSummary[] {
  if (!isUp(source.container)) return [];
  const published = ownPorts(source).filter(({ hostPort }) => hostPort !== undefined);
  const named = new Set(published.map(({ port }) => port));
  const unpublished = source.container.spec.exposedPorts.filter((port) => !named.has(port));
  return [...published.map(publishedSummary), ...unpublished.map(exposedSummary)].toSorted(
    (a, b) => a.PrivatePort - b.PrivatePort,
  );
}

function publishedSummary({ port, hostAddress, hostPort = 0 }: ShownPort): PortSummary {
  const { PrivatePort, Type } = exposedSummary(port);
  return { IP: formatAddress(hostAddress), PrivatePort, PublicPort: hostPort, Type };
}

function exposedSummary(port: string): PortSummary {
  const [number = "", protocol = "tcp"] = port.split("/");
  return { PrivatePort: Number(number), Type: protocol };
}
