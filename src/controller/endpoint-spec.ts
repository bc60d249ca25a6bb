/**
 * What an endpoint may ask for, checked before anything is leased: Docker's rules on predefined and configuration-only
 * networks, static addresses and interface sysctls, in Docker's sentences (moby `daemon/container_operations.go`).
 */
import { formatAddress, type IpAddress } from "../addr/ip-address.ts";
import { prefixContains } from "../addr/prefix.ts";
import { EngineError, messageOf } from "../base/errors.ts";
import type { NetworkIntent } from "../drivers/intent.ts";
import { interfaceSysctls } from "../sandbox/sysctls.ts";
import type { EndpointSpec } from "./cnm.ts";
import { findNetwork } from "./find-network.ts";
import type { World } from "./world.ts";

/** The network, when an endpoint may be made on it. Throws `not-found`, or `forbidden` on configuration-only networks. */
export function joinableNetwork(world: World, reference: string): NetworkIntent {
  const network = findNetwork(world.registry, reference);
  if (world.registry.network(network.id)?.phase !== "live") {
    throw new EngineError("not-found", `network ${reference} not found`);
  }
  if (network.configOnly) {
    throw new EngineError("forbidden", "cannot create endpoint on configuration-only network");
  }
  return network;
}

/** Throws `invalid-argument` "invalid endpoint settings:\n..." naming every fault. */
export function checkEndpointSpec(network: NetworkIntent, spec: EndpointSpec): void {
  const faults = [...addressFaults(network, spec), ...sysctlFaults(spec.options ?? {})];
  if (faults.length === 0) return;
  const text = faults.length === 1 ? faults.join("") : faults.map((fault) => `* ${fault}`).join("\n");
  throw new EngineError("invalid-argument", `invalid endpoint settings:\n${text}`);
}

function addressFaults(network: NetworkIntent, { ipv4Address, ipv6Address }: EndpointSpec): readonly string[] {
  const asked = [ipv4Address, ipv6Address].filter((address) => address !== undefined);
  if (asked.length === 0) return [];
  if (network.predefined) return ["user-specified IP address is supported on user-defined networks only"];
  return asked
    .filter((address) => !inSomeSubnet(network, address))
    .map((address) => `no configured subnet contains IP address ${formatAddress(address)}`);
}

function inSomeSubnet(network: NetworkIntent, address: IpAddress): boolean {
  return network.pools.some(({ subnet }) => subnet !== undefined && prefixContains(subnet, address));
}

function sysctlFaults(options: Readonly<Record<string, string>>): readonly string[] {
  try {
    interfaceSysctls(options, "eth0");
    return [];
  } catch (cause) {
    return [messageOf(cause)];
  }
}

/** Which networks one sandbox may be on together: host and null networks stand alone. Throws `invalid-argument`. */
export function checkCompany(world: World, networks: readonly NetworkIntent[]): void {
  if (networks.length < 2) return;
  const drivers = networks.map(({ driver }) => world.driver(driver));
  if (drivers.some(({ capabilities }) => capabilities.hostNamespace)) {
    throw new EngineError(
      "invalid-argument",
      "cannot connect container to host network - container must be created in host network mode",
    );
  }
  if (drivers.some(({ capabilities }) => capabilities.singleton)) {
    throw new EngineError(
      "invalid-argument",
      "container cannot be connected to multiple networks with one of the networks in private (none) mode",
    );
  }
}
