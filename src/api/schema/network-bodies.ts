/** Bodies of `/networks*` (Docker API v1.51, `api/types/network`). */
import { bool, integer, list, map, struct, text, type Decoded } from "./decoder.ts";

const IpamConfig = struct("IPAMConfig", {
  Subnet: text,
  IPRange: text,
  Gateway: text,
  AuxiliaryAddresses: map(text),
});

export const NetworkCreateBody = struct("CreateRequest", {
  Name: text,
  CheckDuplicate: bool,
  Driver: text,
  Scope: text,
  EnableIPv4: bool,
  EnableIPv6: bool,
  IPAM: struct("IPAM", { Driver: text, Options: map(text), Config: list(IpamConfig, "[]network.IPAMConfig") }),
  Internal: bool,
  Attachable: bool,
  Ingress: bool,
  ConfigOnly: bool,
  ConfigFrom: struct("ConfigReference", { Network: text }),
  Options: map(text),
  Labels: map(text),
});

export const EndpointBody = struct("EndpointSettings", {
  IPAMConfig: struct("EndpointIPAMConfig", { IPv4Address: text, IPv6Address: text, LinkLocalIPs: list(text) }),
  Links: list(text),
  Aliases: list(text),
  DriverOpts: map(text),
  GwPriority: integer("int"),
  MacAddress: text,
  NetworkID: text,
});

export const NetworkConnectBody = struct("ConnectOptions", { Container: text, EndpointConfig: EndpointBody });
export const NetworkDisconnectBody = struct("DisconnectOptions", { Container: text, Force: bool });

export type NetworkCreateRequest = Decoded<typeof NetworkCreateBody>;
export type NetworkConnectRequest = Decoded<typeof NetworkConnectBody>;
export type NetworkDisconnectRequest = Decoded<typeof NetworkDisconnectBody>;
export type EndpointRequest = Decoded<typeof EndpointBody>;
