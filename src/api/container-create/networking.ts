/**
 * What a container shall join: its network mode and an endpoint for each network, the one of the mode first. Clients before
 * API 1.44 name one network at most and give the MAC address for the whole container.
 */
import { sameMac } from "../../addr/mac-address.ts";
import { EngineError } from "../../base/errors.ts";
import type { ContainerLink, EndpointSettings, NetworkMode } from "../../engine/container-spec.ts";
import { parseLink } from "../../engine/containers/links.ts";
import type { ContainerCreateRequest } from "../schema/container-bodies.ts";
import { endpointSettings, macOf } from "./endpoint-settings.ts";
import { parseNetworkMode, validateNetworkMode } from "./network-mode.ts";

export interface Networking {
  readonly network: NetworkMode;
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
  /** Those on the default bridge. */
  readonly links: readonly ContainerLink[];
  readonly warnings: readonly string[];
}

/** Throws `invalid-argument`. */
export function parseNetworking(request: ContainerCreateRequest, minor: number): Networking {
  const disabled = request.NetworkDisabled === true;
  const network: NetworkMode = disabled ? { kind: "none" } : parseNetworkMode(request.HostConfig?.NetworkMode);
  validateNetworkMode(network, request, minor);
  const asked = request.NetworkingConfig?.EndpointsConfig ?? {};
  refuseMany(Object.keys(asked), minor);
  if (network.kind === "container") return { network, endpoints: {}, links: [], warnings: [] };
  const main = network.kind === "network" ? network.name : network.kind;
  const others = Object.entries(asked).filter(([name]) => networkKey(name) !== main);
  const given = Object.entries(asked).find(([name]) => networkKey(name) === main)?.[1] ?? {};
  const { settings, links } = withLinks(endpointSettings(given, minor), main, request.HostConfig?.Links ?? []);
  const endpoints = Object.fromEntries<EndpointSettings>([
    [main, withContainerMac(settings, request.MacAddress)],
    ...others.map(([name, settings]): [string, EndpointSettings] => [name, endpointSettings(settings, minor)]),
  ]);
  return { network, endpoints, links, warnings: macWarnings(request, minor) };
}

function networkKey(name: string): string {
  return name === "default" ? "bridge" : name;
}

function refuseMany(names: readonly string[], minor: number): void {
  if (minor >= 44 || names.length < 2) return;
  const message = `Container cannot be created with multiple network endpoints: ${[...names].sort().join(", ")}`;
  throw new EngineError("invalid-argument", message);
}

/** On the default bridge a link is between containers; on other networks it is another name, for this endpoint alone. */
function withLinks(
  settings: EndpointSettings,
  main: string,
  texts: readonly string[],
): { readonly settings: EndpointSettings; readonly links: readonly ContainerLink[] } {
  const links = texts.map(parseLink);
  if (texts.length === 0 || main === "bridge") return { settings, links };
  return { settings: { ...settings, links: [...(settings.links ?? []), ...texts] }, links: [] };
}

function withContainerMac(settings: EndpointSettings, text: string | undefined): EndpointSettings {
  const mac = macOf(text);
  if (mac === undefined) return settings;
  if (settings.mac !== undefined && !sameMac(settings.mac, mac)) {
    const rule = "must match the endpoint-specific MAC address for the main network, or be left empty";
    throw new EngineError("invalid-argument", `the container-wide MAC address ${rule}`);
  }
  return { ...settings, mac };
}

function macWarnings(request: ContainerCreateRequest, minor: number): readonly string[] {
  if (minor < 44 || (request.MacAddress ?? "") === "") return [];
  const mend = "It should be specified in EndpointsConfig instead.";
  return [`The container-wide MacAddress field is now deprecated. ${mend}`];
}
