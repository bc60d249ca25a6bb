/** Networks and ports by number, for the firewall's benchmark. */
import { parseAddress } from "../../src/addr/ip-address.ts";
import { parsePrefix } from "../../src/addr/prefix.ts";
import type { BridgePolicy, PublishedPorts } from "../../src/firewall/firewall.ts";
import { CONTAINER } from "./lab.ts";

export const FIRST_PORT = 1024;

export const LAB_NETWORK = bridge("br-lab", "10.200.0.0/24");

function bridge(name: string, subnet: string): BridgePolicy {
  return {
    kind: "bridge",
    family: 4,
    bridge: name,
    subnet: parsePrefix(subnet),
    icc: true,
    internal: false,
    masquerade: "masquerade",
    gateway: "nat",
  };
}

export function network(index: number): BridgePolicy {
  return bridge(`br-${index}`, `10.${index >> 8}.${index & 0xff}.0/24`);
}

/** Port 1024 + index of the host, to port 80 of the lab's container. */
export function port(index: number): PublishedPorts {
  const hostPort = FIRST_PORT + index;
  return {
    kind: "published-ports",
    family: 4,
    bridge: LAB_NETWORK.bridge,
    protocol: "tcp",
    hostAddress: { family: 4, value: 0n },
    hostPorts: { first: hostPort, last: hostPort },
    containerAddress: parseAddress(CONTAINER),
    containerPorts: { first: 80, last: 80 },
    translate: true,
  };
}
