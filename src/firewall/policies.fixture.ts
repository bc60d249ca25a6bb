/** Policies that the tests of this folder share. */
import { parseAddress } from "../addr/ip-address.ts";
import { parsePrefix } from "../addr/prefix.ts";
import type { BridgePolicy, DnsRedirect } from "./firewall.ts";

export function bridgePolicy(bridge: string, subnet: string, rest: Partial<BridgePolicy> = {}): BridgePolicy {
  const prefix = parsePrefix(subnet);
  return {
    kind: "bridge",
    family: prefix.address.family,
    bridge,
    subnet: prefix,
    icc: true,
    internal: false,
    masquerade: rest.internal === true ? "none" : "masquerade",
    ...rest,
  };
}

export const DOCKER0 = bridgePolicy("docker0", "172.17.0.0/16");
export const BACKEND = bridgePolicy("br-backend", "172.18.0.0/16");
export const BACKEND_V6 = bridgePolicy("br-backend", "fd00:18::/64");

export function dnsRedirect(namespace: string, udpPort = 40001, tcpPort = 40002): DnsRedirect {
  return { kind: "dns-redirect", namespace, address: parseAddress("127.0.0.11"), udpPort, tcpPort };
}
