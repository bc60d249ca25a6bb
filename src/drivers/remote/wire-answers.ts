/**
 * From a plugin's answers to intents. What a plugin says is checked here, with dockerd's texts where it has one: what reaches
 * an intent is an address, a name that the kernel takes, a route within one address family. Pure.
 */
import { tryParseAddress, type IpAddress } from "../../addr/ip-address.ts";
import { formatMac, tryParseMac, type MacAddress } from "../../addr/mac-address.ts";
import { formatPrefix, tryParsePrefix, type Prefix } from "../../addr/prefix.ts";
import { EngineError } from "../../base/errors.ts";
import { isInterfaceName } from "../../sandbox/interface-name.ts";
import { present } from "../../store/record-reader.ts";
import type { EndpointIntent, Plugged } from "../intent.ts";
import { CONNECTED, NEXT_HOP, type CreatedEndpoint, type Joined, type StaticRoute } from "./protocol/network-driver.ts";

/** Routes that one plugin may ask for. */
const MAX_ROUTES = 1024;

/** The endpoint with what the plugin decided. Throws when it decides what was decided already. */
export function withInterface(endpoint: EndpointIntent, { Interface: made }: CreatedEndpoint): EndpointIntent {
  if (made === undefined) return endpoint;
  const [mac, ipv4, ipv6] = [
    parsedOr(made.MacAddress, tryParseMac, (text) => `address ${text}: invalid MAC address`),
    parsedOr(made.Address, tryParsePrefix, (text) => `invalid CIDR address: ${text}`),
    parsedOr(made.AddressIPv6, tryParsePrefix, (text) => `invalid CIDR address: ${text}`),
  ];
  if (mac !== undefined && endpoint.mac !== undefined) {
    const [was, is] = [formatMac(endpoint.mac), formatMac(mac)];
    throw modified("MAC address", `endpoint interface MAC address present (${was}). Cannot be modified with ${is}.`);
  }
  const added = [ipv4, ipv6].filter((prefix) => prefix !== undefined);
  for (const { address, length } of added) {
    const assigned = endpoint.addresses.find((prefix) => prefix.address.family === address.family);
    if (assigned === undefined) continue;
    const [was, is] = [formatPrefix(assigned), formatPrefix({ address, length })];
    throw modified("address", `endpoint interface IP present (${was}). Cannot be modified with (${is}).`);
  }
  if (added.length === 2 && added[0]?.address.family === added[1]?.address.family) {
    throw modified("address", "endpoint interface IP present (two of one family)");
  }
  return present({ ...endpoint, mac: mac ?? endpoint.mac, addresses: [...endpoint.addresses, ...added] });
}

function modified(what: string, why: string): EngineError {
  return new EngineError("internal", `driver modified interface ${what}: ${why}`);
}

/** How the sandbox is to use the plugin's interface. */
export function plugged(joined: Joined): Plugged {
  const { InterfaceName: name, Gateway, GatewayIPv6, StaticRoutes = [], DisableGatewayService = false } = joined;
  const source = name?.SrcName ?? "";
  if (source !== "" && !isInterfaceName(source)) throw refused(`invalid interface name ${JSON.stringify(source)}`);
  const prefix = name?.DstPrefix ?? "";
  if (source !== "" && !isInterfaceName(`${prefix}0`)) {
    throw refused(`invalid interface prefix ${JSON.stringify(prefix)}`);
  }
  if (StaticRoutes.length > MAX_ROUTES) throw refused(`${StaticRoutes.length} static routes, more than ${MAX_ROUTES}`);
  return present({
    sourceName: source === "" ? undefined : source,
    prefix,
    gateways: [gateway(Gateway, 4, "Gateway"), gateway(GatewayIPv6, 6, "GatewayIPv6")].filter(
      (address) => address !== undefined,
    ),
    routes: StaticRoutes.map(route),
    disableGatewayService: DisableGatewayService,
  });
}

function gateway(text: string | undefined, family: 4 | 6, field: string): IpAddress | undefined {
  const address = parsedOr(text, tryParseAddress, (shown) => `unable to parse ${field} "${shown}"`);
  if (address !== undefined && address.family !== family) {
    throw refused(`unable to parse ${field} "${text ?? ""}": not an IPv${family} address`);
  }
  return address;
}

function route({ Destination, RouteType, NextHop }: StaticRoute): Plugged["routes"][number] {
  const destination = parsed(Destination, tryParsePrefix, (text) => `invalid CIDR address: ${text}`);
  if (RouteType !== NEXT_HOP && RouteType !== CONNECTED) throw refused(`unknown route type ${RouteType}`);
  if (RouteType === CONNECTED) return { destination };
  const hop = parsed(NextHop ?? "", tryParseAddress, (text) => `failed to parse nexthop IP ${text}`);
  if (hop.family !== destination.address.family) {
    throw refused(`route ${Destination}: next hop ${NextHop ?? ""} is of another address family`);
  }
  return { destination, gateway: hop };
}

function parsedOr<T extends IpAddress | MacAddress | Prefix>(
  text: string | undefined,
  parse: (text: string) => T | undefined,
  fault: (text: string) => string,
): T | undefined {
  return text === undefined || text === "" ? undefined : parsed(text, parse, fault);
}

function parsed<T>(text: string, parse: (text: string) => T | undefined, fault: (text: string) => string): T {
  const value = parse(text);
  if (value === undefined) throw refused(fault(text.slice(0, 100)));
  return value;
}

function refused(why: string): EngineError {
  return new EngineError("internal", why);
}
