/**
 * An `EndpointSettings` of Docker's API to the engine's: text becomes addresses, and all that is malformed is said at once,
 * as dockerd does (`invalid endpoint settings:` and a line for each). Used by create and by network connect.
 */
import { tryParseAddress, type Family, type IpAddress } from "../../addr/ip-address.ts";
import { tryParseMac, type MacAddress } from "../../addr/mac-address.ts";
import { EngineError } from "../../base/errors.ts";
import type { EndpointSettings } from "../../engine/container-spec.ts";
import type { EndpointRequest } from "../schema/network-bodies.ts";

/** Throws `invalid-argument`. `minor` is the API version: GwPriority exists from 1.48. */
export function endpointSettings(request: EndpointRequest, minor: number): EndpointSettings {
  const faults: string[] = [];
  const { IPv4Address, IPv6Address, LinkLocalIPs = [] } = request.IPAMConfig ?? {};
  const ipv4Address = addressOf(IPv4Address, 4, faults);
  const ipv6Address = addressOf(IPv6Address, 6, faults);
  const linkLocal = LinkLocalIPs.flatMap((text) => linkLocalOf(text, faults));
  if (faults.length > 0) throw new EngineError("invalid-argument", `invalid endpoint settings:\n${faults.join("\n")}`);
  const mac = macOf(request.MacAddress);
  return {
    ...(ipv4Address === undefined ? {} : { ipv4Address }),
    ...(ipv6Address === undefined ? {} : { ipv6Address }),
    ...(linkLocal.length === 0 ? {} : { linkLocal }),
    ...(mac === undefined ? {} : { mac }),
    ...namesAndOptions(request, minor),
  };
}

function namesAndOptions(request: EndpointRequest, minor: number): EndpointSettings {
  const { Aliases, Links, DriverOpts, GwPriority } = request;
  return {
    ...(Aliases === undefined ? {} : { aliases: Aliases }),
    ...(Links === undefined || Links.length === 0 ? {} : { links: Links }),
    ...(DriverOpts === undefined ? {} : { options: DriverOpts }),
    ...(GwPriority === undefined || minor < 48 ? {} : { gatewayPriority: GwPriority }),
  };
}

function addressOf(text: string | undefined, family: Family, faults: string[]): IpAddress | undefined {
  if (text === undefined || text === "") return undefined;
  const address = tryParseAddress(text);
  if (address?.family === family) return address;
  faults.push(`invalid IPv${family} address: ${text}`);
  return undefined;
}

function linkLocalOf(text: string, faults: string[]): readonly IpAddress[] {
  const address = tryParseAddress(text);
  if (address !== undefined) return [address];
  faults.push(`invalid link-local IP address: ${text}`);
  return [];
}

/** Undefined when empty. Throws `invalid-argument`. */
export function macOf(text: string | undefined): MacAddress | undefined {
  if (text === undefined || text === "") return undefined;
  const mac = tryParseMac(text);
  if (mac === undefined) throw new EngineError("invalid-argument", `invalid MAC address: ${text}`);
  return mac;
}
