/** Intents of bridge networks and endpoints for the tests of this folder, with everything that a test does not care about. */
import type { IpAddress } from "../../addr/ip-address.ts";
import { parseAddress } from "../../addr/ip-address.ts";
import { parseMac } from "../../addr/mac-address.ts";
import { parsePrefix } from "../../addr/prefix.ts";
import type { EndpointIntent, NetworkIntent, PoolIntent } from "../intent.ts";

const ID = "1a2b3c4d5e6f";

/** 64 digits that begin with the given ones. */
export function idOf(start: string): string {
  return start.padEnd(64, "0");
}

export function pool(subnet: string, gateway: string, auxiliary: Readonly<Record<string, IpAddress>> = {}): PoolIntent {
  const prefix = parsePrefix(subnet);
  return { family: prefix.address.family, subnet: prefix, gateway: parseAddress(gateway), auxiliary };
}

export function network(rest: Partial<NetworkIntent> = {}): NetworkIntent {
  return {
    id: idOf(ID),
    name: "backend",
    driver: "bridge",
    createdNs: 0n,
    scope: "local",
    enableIPv4: true,
    enableIPv6: false,
    internal: false,
    attachable: false,
    ingress: false,
    configOnly: false,
    options: {},
    labels: {},
    ipamDriver: "default",
    pools: [pool("172.18.0.0/16", "172.18.0.1")],
    predefined: false,
    ...rest,
  };
}

export function endpoint(rest: Partial<EndpointIntent> = {}): EndpointIntent {
  return {
    id: idOf("e0d1c2b3a4"),
    networkId: idOf(ID),
    name: "c1",
    mac: parseMac("02:42:ac:12:00:02"),
    addresses: [parsePrefix("172.18.0.2/16")],
    linkLocal: [],
    dnsNames: ["c1"],
    privateAliases: {},
    options: {},
    gatewayPriority: 0,
    ports: [],
    links: [],
    ...rest,
  };
}

export const PLACE = { namespace: "/run/causeway/netns/5a11d0f00d00", interfaceName: "eth0" };
