/**
 * Between the network driver's wire shapes and values, both ways. Reading throws RecordError where a text is no address; writing
 * throws EngineError where a handler's answer contradicts the question.
 */
import { formatAddress } from "../addr/ip-address.ts";
import { formatMac, sameMac } from "../addr/mac-address.ts";
import { formatPrefix, samePrefix } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";
import {
  CONNECTED,
  HOST_DISCOVERY,
  LABEL,
  NEXT_HOP,
  type CreatedEndpoint,
  type Discovery,
  type EndpointInterface,
  type EndpointRef,
  type IpamData,
  type Joined,
  type NewEndpoint,
  type NewNetwork,
} from "../drivers/remote/protocol/network-driver.ts";
import { WireReader } from "../drivers/remote/protocol/wire-reader.ts";
import { present } from "../store/record-reader.ts";
import type {
  DiscoveredHost,
  EndpointAddresses,
  EndpointKey,
  EndpointPorts,
  EndpointRequest,
  JoinAnswer,
  NetworkRequest,
  PoolData,
} from "./network-driver.ts";
import { addressOf, idOf, macOf, optional, prefixOf, protocolOf } from "./wire-text.ts";

export function networkRequest({ NetworkID, Options, IPv4Data, IPv6Data }: NewNetwork): NetworkRequest {
  const options = new WireReader(Options, "Options");
  // dockerd 20.10 does not say enable_ipv4: its networks always have IPv4.
  const enableIPv4 = options.field(LABEL.enableIPv4).optional((flag) => flag.flag());
  return {
    networkId: idOf(NetworkID, "NetworkID"),
    options: options.field(LABEL.generic).options(),
    internal: options.field(LABEL.internal).flag(),
    enableIPv4: enableIPv4 ?? true,
    enableIPv6: options.field(LABEL.enableIPv6).flag(),
    ipv4: IPv4Data.map((data) => poolData(data, "IPv4Data")),
    ipv6: IPv6Data.map((data) => poolData(data, "IPv6Data")),
  };
}

function poolData({ AddressSpace, Pool, Gateway, AuxAddresses }: IpamData, path: string): PoolData {
  const auxiliary = Object.entries(AuxAddresses ?? {}).map(
    ([name, text]) => [name, prefixOf(text, `${path}.AuxAddresses.${name}`)] as const,
  );
  return present({
    addressSpace: AddressSpace,
    subnet: prefixOf(Pool, `${path}.Pool`),
    gateway: optional(Gateway, `${path}.Gateway`, prefixOf),
    auxiliary: Object.fromEntries(auxiliary),
  });
}

export function endpointKey({ NetworkID, EndpointID }: EndpointRef): EndpointKey {
  return { networkId: idOf(NetworkID, "NetworkID"), endpointId: idOf(EndpointID, "EndpointID") };
}

export function endpointRequest(endpoint: NewEndpoint): EndpointRequest {
  return {
    ...endpointKey(endpoint),
    ...endpointPorts(endpoint.Options),
    interface: endpointAddresses(endpoint.Interface),
    options: endpoint.Options,
  };
}

function endpointAddresses({ Address, AddressIPv6, MacAddress }: EndpointInterface): EndpointAddresses {
  return present({
    address: optional(Address, "Interface.Address", prefixOf),
    addressIPv6: optional(AddressIPv6, "Interface.AddressIPv6", prefixOf),
    mac: optional(MacAddress, "Interface.MacAddress", macOf),
  });
}

export function endpointPorts(options: Readonly<Record<string, unknown>>): EndpointPorts {
  const reader = new WireReader(options, "Options");
  const protocol = (port: WireReader): EndpointPorts["exposed"][number]["protocol"] =>
    protocolOf(port.field("Proto").integer());
  return {
    exposed: reader.field(LABEL.exposedPorts).list((port) => ({
      protocol: protocol(port),
      port: port.field("Port").integer(),
    })),
    published: reader.field(LABEL.portMap).list((port) =>
      present({
        protocol: protocol(port),
        containerPort: port.field("Port").integer(),
        hostAddress: optional(port.field("HostIP").text(), "HostIP", addressOf),
        hostPort: port.field("HostPort").integer(),
        hostPortEnd: port.field("HostPortEnd").integer(),
      }),
    ),
  };
}

/** Docker refuses an answer that says what the question said, even the same: only what was open is sent. */
export function createdEndpoint(asked: EndpointAddresses, given: EndpointAddresses): CreatedEndpoint {
  const says = <T>(
    what: string,
    was: T | undefined,
    is: T | undefined,
    same: (a: T, b: T) => boolean,
  ): T | undefined => {
    if (was === undefined || is === undefined) return is;
    if (same(was, is)) return undefined;
    throw new EngineError("internal", `createEndpoint answered another ${what} than it was asked to use`);
  };
  const address = says("address", asked.address, given.address, samePrefix);
  const addressIPv6 = says("IPv6 address", asked.addressIPv6, given.addressIPv6, samePrefix);
  const mac = says("MAC address", asked.mac, given.mac, sameMac);
  const Interface = present({
    Address: address && formatPrefix(address),
    AddressIPv6: addressIPv6 && formatPrefix(addressIPv6),
    MacAddress: mac && formatMac(mac),
  });
  return Object.keys(Interface).length === 0 ? {} : { Interface };
}

export function joined(answer: JoinAnswer): Joined {
  const { interface: link, gateway, gatewayIPv6, routes, disableGatewayService } = answer;
  return present({
    InterfaceName: link && { SrcName: link.sourceName, DstPrefix: link.prefix },
    Gateway: gateway && formatAddress(gateway),
    GatewayIPv6: gatewayIPv6 && formatAddress(gatewayIPv6),
    StaticRoutes: routes?.map((route) =>
      present({
        Destination: formatPrefix(route.destination),
        RouteType: route.gateway === undefined ? CONNECTED : NEXT_HOP,
        NextHop: route.gateway && formatAddress(route.gateway),
      }),
    ),
    DisableGatewayService: disableGatewayService,
  });
}

/** Undefined for news that are not of hosts, such as swarm's keys. */
export function discoveredHost({ DiscoveryType, DiscoveryData }: Discovery): DiscoveredHost | undefined {
  if (DiscoveryType !== HOST_DISCOVERY) return undefined;
  return present({
    address: addressOf(DiscoveryData.Address, "DiscoveryData.Address"),
    bindAddress: optional(DiscoveryData.BindAddress, "DiscoveryData.BindAddress", addressOf),
    self: DiscoveryData.Self,
  });
}
