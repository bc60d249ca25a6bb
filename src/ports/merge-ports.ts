/**
 * Single ports drawn together to ranges, so that 500 neighbouring ports are one firewall policy and not 500. A range keeps
 * the distance between its host and its container ports.
 */
import { compareAddresses, sameAddress, type IpAddress } from "../addr/ip-address.ts";
import type { PortRange } from "../addr/port-range.ts";
import type { PortProtocol } from "./ports.ts";

/** Ports of a host address that lead to as many ports of a container, port by port. */
export interface PortMapping {
  readonly protocol: PortProtocol;
  readonly hostAddress: IpAddress;
  /** Absent in routed mode: the container's own ports are opened, and none of the host's. */
  readonly hostPorts?: PortRange;
  readonly containerPorts: PortRange;
}

/** In order of protocol, host address, container port; neighbours with the same distance are one. */
export function mergePorts(mappings: readonly PortMapping[]): readonly PortMapping[] {
  const merged: PortMapping[] = [];
  for (const mapping of mappings.toSorted(compareMappings)) {
    const last = merged.at(-1);
    if (last !== undefined && continues(last, mapping)) merged[merged.length - 1] = joined(last, mapping);
    else merged.push(mapping);
  }
  return merged;
}

/** One mapping per port, in the same order. */
export function splitPorts(mapping: PortMapping): readonly PortMapping[] {
  const { hostPorts, containerPorts } = mapping;
  return Array.from({ length: containerPorts.last - containerPorts.first + 1 }, (_, index) => ({
    ...mapping,
    containerPorts: single(containerPorts.first + index),
    ...(hostPorts === undefined ? {} : { hostPorts: single(hostPorts.first + index) }),
  }));
}

function single(port: number): PortRange {
  return { first: port, last: port };
}

function compareMappings(a: PortMapping, b: PortMapping): number {
  if (a.protocol !== b.protocol) return a.protocol < b.protocol ? -1 : 1;
  return (
    compareAddresses(a.hostAddress, b.hostAddress) ||
    (a.hostPorts?.first ?? 0) - (b.hostPorts?.first ?? 0) ||
    a.containerPorts.first - b.containerPorts.first
  );
}

function continues(last: PortMapping, next: PortMapping): boolean {
  if (last.protocol !== next.protocol || !sameAddress(last.hostAddress, next.hostAddress)) return false;
  if (next.containerPorts.first !== last.containerPorts.last + 1) return false;
  if (last.hostPorts === undefined || next.hostPorts === undefined) return last.hostPorts === next.hostPorts;
  return next.hostPorts.first === last.hostPorts.last + 1;
}

function joined(last: PortMapping, next: PortMapping): PortMapping {
  const containerPorts = { first: last.containerPorts.first, last: next.containerPorts.last };
  if (last.hostPorts === undefined || next.hostPorts === undefined) return { ...last, containerPorts };
  return { ...last, containerPorts, hostPorts: { first: last.hostPorts.first, last: next.hostPorts.last } };
}
