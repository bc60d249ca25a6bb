/**
 * One of a container's endpoints in `NetworkSettings.Networks` (Docker API v1.51, `network.EndpointSettings`): what was asked
 * for from the container's spec, and what came of it while it runs.
 */
import { formatAddress, type Family, type IpAddress } from "../../addr/ip-address.ts";
import { formatMac } from "../../addr/mac-address.ts";
import type { Prefix } from "../../addr/prefix.ts";
import type { Container } from "../../engine/container.ts";
import type { EndpointSettings } from "../../engine/container-spec.ts";
import type { JoinedEndpoint, NetworkController, SandboxView } from "../../controller/cnm.ts";
import type { NetworkIntent } from "../../drivers/intent.ts";
import { shortId } from "../../base/ids.ts";

export type NetworksView = Record<string, ReturnType<typeof endpointView>>;

export interface EndpointsSource {
  readonly container: Container;
  readonly sandbox: SandboxView | undefined;
  readonly networks: NetworkController;
  readonly minor: number;
}

/**
 * The `Networks` map: joined endpoints when it runs, else the networks that it will join, under their names. Ways out that
 * came by themselves are left out.
 */
export function networksView(source: EndpointsSource): NetworksView {
  const { container, sandbox, networks } = source;
  const views: NetworksView = {};
  const asked = (sandbox?.endpoints ?? []).filter(({ automatic }) => automatic !== true);
  const joined = new Map(asked.map((endpoint) => [endpoint.network.id, endpoint]));
  for (const [key, settings] of Object.entries(container.spec.endpoints)) {
    const network = lookUp(networks, key);
    const endpoint = network === undefined ? undefined : joined.get(network.id);
    if (network !== undefined) joined.delete(network.id);
    views[network?.name ?? key] = endpointView({ ...source, settings, network, endpoint });
  }
  if (container.spec.network.kind === "container") return views;
  for (const endpoint of joined.values()) {
    views[endpoint.network.name] = endpointView({ ...source, settings: {}, network: endpoint.network, endpoint });
  }
  return views;
}

function lookUp(networks: NetworkController, reference: string): NetworkIntent | undefined {
  try {
    return networks.findNetwork(reference === "default" ? "bridge" : reference);
  } catch {
    return undefined;
  }
}

interface EndpointSource extends EndpointsSource {
  readonly settings: EndpointSettings;
  readonly network: NetworkIntent | undefined;
  readonly endpoint: JoinedEndpoint | undefined;
}

function endpointView(source: EndpointSource) {
  const { settings, network, endpoint, minor } = source;
  const mac = endpoint?.endpoint.mac ?? settings.mac;
  const v4 = addressOf(endpoint, 4);
  const v6 = addressOf(endpoint, 6);
  return {
    IPAMConfig: ipamConfigView(settings),
    Links: settings.links ?? null,
    Aliases: aliasesOf(source),
    MacAddress: mac === undefined ? "" : formatMac(mac),
    DriverOpts: settings.options ?? null,
    ...(minor >= 48 ? { GwPriority: settings.gatewayPriority ?? 0 } : {}),
    NetworkID: network?.id ?? "",
    EndpointID: endpoint?.endpoint.id ?? "",
    Gateway: gatewayOf(endpoint, 4),
    IPAddress: v4 === undefined ? "" : formatAddress(v4.address),
    IPPrefixLen: v4?.length ?? 0,
    IPv6Gateway: gatewayOf(endpoint, 6),
    GlobalIPv6Address: v6 === undefined ? "" : formatAddress(v6.address),
    GlobalIPv6PrefixLen: v6?.length ?? 0,
    ...(minor >= 44 ? { DNSNames: dnsNamesOf(source) } : {}),
  };
}

/** Before 1.45 the short id was listed among the aliases on user-defined networks. */
function aliasesOf(source: EndpointSource): readonly string[] | null {
  const asked = source.settings.aliases;
  if (source.minor >= 45 || source.network === undefined || source.network.predefined) return asked ?? null;
  return [...(asked ?? []), shortId(source.container.id)];
}

function dnsNamesOf(source: EndpointSource): readonly string[] | null {
  if (source.endpoint === undefined || source.network?.predefined !== false) return null;
  return source.endpoint.endpoint.dnsNames;
}

function ipamConfigView(settings: EndpointSettings) {
  const { ipv4Address, ipv6Address, linkLocal = [] } = settings;
  if (ipv4Address === undefined && ipv6Address === undefined && linkLocal.length === 0) return null;
  return {
    ...(ipv4Address === undefined ? {} : { IPv4Address: formatAddress(ipv4Address) }),
    ...(ipv6Address === undefined ? {} : { IPv6Address: formatAddress(ipv6Address) }),
    ...(linkLocal.length === 0 ? {} : { LinkLocalIPs: linkLocal.map(formatAddress) }),
  };
}

function addressOf(endpoint: JoinedEndpoint | undefined, family: Family): Prefix | undefined {
  return endpoint?.endpoint.addresses.find((prefix) => prefix.address.family === family);
}

function gatewayOf(endpoint: JoinedEndpoint | undefined, family: Family): string {
  const gateway: IpAddress | undefined = endpoint?.gateways.find((address) => address.family === family);
  return gateway === undefined ? "" : formatAddress(gateway);
}
