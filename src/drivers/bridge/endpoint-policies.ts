/**
 * What an endpoint of a bridge network needs of the firewall: a guard for its addresses, its published ports, its links. Pure.
 * An address and a port meet only within a family.
 */
import type { IpAddress } from "../../addr/ip-address.ts";
import type { EndpointGuard, LinkedPort, Policy, PublishedPorts } from "../../firewall/firewall.ts";
import type { EndpointIntent, PublishedPort } from "../intent.ts";
import type { BridgeConfig, FamilyConfig } from "./config.ts";
import { publishingMode } from "./publishing.ts";

export function endpointPolicies(config: BridgeConfig, endpoint: EndpointIntent): readonly Policy[] {
  return config.families.flatMap((family): Policy[] =>
    endpoint.addresses
      .filter(({ address }) => address.family === family.family)
      .flatMap(({ address }) => [
        ...guard(config, family, address),
        ...endpoint.ports.flatMap((port) => published(config, port, address)),
        ...links(config, endpoint, address),
      ]),
  );
}

/**
 * None where direct access is wanted (routed, nat-unprotected, `--allow-direct-routing`), and none without masquerading: there
 * the answers to what containers ask of the world are addressed to them directly as well.
 */
function guard(
  config: BridgeConfig,
  { family, gatewayMode, masquerade }: FamilyConfig,
  address: IpAddress,
): EndpointGuard[] {
  const { bridge, trustedInterfaces } = config;
  if (gatewayMode !== "nat" || masquerade === "none" || config.internal || config.allowDirectRouting) return [];
  return [{ kind: "endpoint-guard", family, bridge, address, trustedInterfaces }];
}

function published(config: BridgeConfig, port: PublishedPort, containerAddress: IpAddress): PublishedPorts[] {
  const { family } = containerAddress;
  const { protocol, hostAddress, containerPorts } = port;
  const mode = publishingMode(config, family);
  if (hostAddress.family !== family || mode === "none") return [];
  const translate = mode === "translated";
  const hostPorts = translate ? port.hostPorts : containerPorts;
  if (hostPorts === undefined) return [];
  const { bridge } = config;
  const ports = { protocol, hostAddress, hostPorts, containerAddress, containerPorts, translate };
  return [{ kind: "published-ports", family, bridge, ...ports }];
}

function links({ bridge, icc }: BridgeConfig, endpoint: EndpointIntent, parent: IpAddress): LinkedPort[] {
  if (icc) return [];
  const { family } = parent;
  return endpoint.links
    .filter(({ child }) => child.family === family)
    .map(({ child, protocol, port }) => ({ kind: "linked-port", family, bridge, parent, child, protocol, port }));
}
