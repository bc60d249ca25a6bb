/** From intents to the requests of the remote protocol, field by field as dockerd fills them. Pure. */
import { formatAddress } from "../../addr/ip-address.ts";
import { formatMac } from "../../addr/mac-address.ts";
import { formatPrefix } from "../../addr/prefix.ts";
import { present } from "../../store/record-reader.ts";
import type { EndpointIntent, NetworkIntent, PoolIntent } from "../intent.ts";
import type { EndpointPorts } from "../procedures.ts";
import { LABEL, PROTOCOL_NUMBERS } from "./protocol/network-driver.ts";
import type { EndpointRef, IpamData, NewEndpoint, NewNetwork } from "./protocol/network-driver.ts";
import type { Options } from "./protocol/protocol.ts";

/** IPv4 is spoken of only where it is off: dockerd 20.10 knows no such option, and later ones have it on by default. */
export function networkOptions(network: NetworkIntent): Options {
  return {
    ...(network.enableIPv4 ? {} : { [LABEL.enableIPv4]: false }),
    [LABEL.enableIPv6]: network.enableIPv6,
    [LABEL.generic]: network.options,
    ...(network.internal ? { [LABEL.internal]: true } : {}),
  };
}

export function newNetwork(network: NetworkIntent, addressSpace: string): NewNetwork {
  return {
    NetworkID: network.id,
    Options: networkOptions(network),
    IPv4Data: network.pools.filter(({ family }) => family === 4).map((pool) => ipamData(pool, addressSpace)),
    IPv6Data: network.pools.filter(({ family }) => family === 6).map((pool) => ipamData(pool, addressSpace)),
  };
}

function ipamData({ subnet, gateway, auxiliary }: PoolIntent, addressSpace: string): IpamData {
  const length = subnet?.length ?? 0;
  const named = Object.entries(auxiliary).map(([name, address]) => [name, formatPrefix({ address, length })] as const);
  return present({
    AddressSpace: addressSpace,
    AuxAddresses: named.length === 0 ? undefined : Object.fromEntries(named),
    Gateway: gateway && formatPrefix({ address: gateway, length }),
    Pool: subnet === undefined ? "" : formatPrefix(subnet),
  });
}

export function endpointRef({ networkId, id }: Pick<EndpointIntent, "networkId" | "id">): EndpointRef {
  return { NetworkID: networkId, EndpointID: id };
}

export function newEndpoint(endpoint: EndpointIntent, ports: EndpointPorts | undefined): NewEndpoint {
  const addressOf = (family: number): string => {
    const address = endpoint.addresses.find((prefix) => prefix.address.family === family);
    return address === undefined ? "" : formatPrefix(address);
  };
  return {
    ...endpointRef(endpoint),
    Interface: {
      Address: addressOf(4),
      AddressIPv6: addressOf(6),
      MacAddress: endpoint.mac === undefined ? "" : formatMac(endpoint.mac),
    },
    Options: { ...portOptions(ports), ...endpoint.options },
  };
}

/** What dockerd calls the sandbox's labels. */
export function portOptions(ports: EndpointPorts | undefined): Options {
  if (ports === undefined) return {};
  return {
    [LABEL.exposedPorts]: ports.exposed.map(({ protocol, port }) => ({
      Proto: PROTOCOL_NUMBERS[protocol],
      Port: port,
    })),
    [LABEL.portMap]: ports.mappings.map(({ protocol, containerPort, hostAddress, hostPort, hostPortEnd }) => ({
      Proto: PROTOCOL_NUMBERS[protocol],
      IP: "",
      Port: containerPort,
      HostIP: hostAddress === undefined ? "" : formatAddress(hostAddress),
      HostPort: hostPort,
      HostPortEnd: hostPortEnd,
    })),
  };
}
