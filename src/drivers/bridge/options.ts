/**
 * Driver options of bridge networks (`docker network create -o KEY=VALUE`), parsed and validated with the texts of Docker's
 * bridge driver (moby `drivers/bridge/bridge_linux.go`, `labels.go`). Keys that the driver does not know are ignored, as
 * Docker ignores them.
 */
import { EngineError } from "../../base/errors.ts";
import { tryParseAddress, type Family, type IpAddress } from "../../addr/ip-address.ts";
import type { GatewayMode } from "../../firewall/firewall.ts";
import { isPlainLinkName } from "../../firewall/policy-check.ts";
import { parseGoBool, parseGoInt } from "../go-parsing.ts";

const BRIDGE = "com.docker.network.bridge.";

/** Option keys, as users type them. */
export const OPTION = {
  bridgeName: `${BRIDGE}name`,
  masquerade: `${BRIDGE}enable_ip_masquerade`,
  icc: `${BRIDGE}enable_icc`,
  hostBinding: `${BRIDGE}host_binding_ipv4`,
  inhibitIPv4: `${BRIDGE}inhibit_ipv4`,
  defaultBridge: `${BRIDGE}default_bridge`,
  gatewayModeIPv4: `${BRIDGE}gateway_mode_ipv4`,
  gatewayModeIPv6: `${BRIDGE}gateway_mode_ipv6`,
  trustedInterfaces: `${BRIDGE}trusted_host_interfaces`,
  mtu: "com.docker.network.driver.mtu",
  interfacePrefix: "com.docker.network.container_iface_prefix",
  hostIPv4: "com.docker.network.host_ipv4",
  hostIPv6: "com.docker.network.host_ipv6",
} as const;

/** What the user said; undefined where nothing was said, so that the caller's default holds. */
export interface BridgeOptions {
  readonly bridgeName: string | undefined;
  /** Bytes; 0 means the kernel's default. */
  readonly mtu: number | undefined;
  readonly icc: boolean | undefined;
  readonly masquerade: boolean | undefined;
  /** The bridge itself gets no IPv4 address; containers still use the gateway. */
  readonly inhibitIPv4: boolean;
  readonly defaultBridge: boolean;
  readonly interfacePrefix: string | undefined;
  /** Outgoing packets take this source instead of the outgoing interface's address. */
  readonly hostAddresses: Readonly<Record<Family, IpAddress | undefined>>;
  /** Where a published port listens that names no address of the host. */
  readonly hostBinding: IpAddress | undefined;
  readonly gatewayModes: Readonly<Record<Family, GatewayMode | undefined>>;
  /** Links of the host from which containers may be addressed directly. */
  readonly trustedInterfaces: readonly string[];
}

type Labels = Readonly<Record<string, string>>;

/** Throws `invalid-argument` on a malformed value, and where `isolated` is asked of a network that is not internal. */
export function parseBridgeOptions(labels: Labels, internal: boolean): BridgeOptions {
  return {
    bridgeName: labels[OPTION.bridgeName] || undefined,
    mtu: parseLabel(labels, OPTION.mtu, parseMtu),
    icc: parseLabel(labels, OPTION.icc, parseGoBool),
    masquerade: parseLabel(labels, OPTION.masquerade, parseGoBool),
    inhibitIPv4: parseLabel(labels, OPTION.inhibitIPv4, parseGoBool) ?? false,
    defaultBridge: parseLabel(labels, OPTION.defaultBridge, parseGoBool) ?? false,
    interfacePrefix: labels[OPTION.interfacePrefix] || undefined,
    hostAddresses: {
      4: parseLabel(labels, OPTION.hostIPv4, (text) => parseIpOf(4, text)),
      6: parseLabel(labels, OPTION.hostIPv6, (text) => parseIpOf(6, text)),
    },
    hostBinding: parseLabel(labels, OPTION.hostBinding, parseIp),
    gatewayModes: {
      4: parseLabel(labels, OPTION.gatewayModeIPv4, (text) => parseGatewayMode(text, internal)),
      6: parseLabel(labels, OPTION.gatewayModeIPv6, (text) => parseGatewayMode(text, internal)),
    },
    trustedInterfaces: parseTrusted(labels[OPTION.trustedInterfaces] ?? ""),
  };
}

function parseLabel<T>(labels: Labels, label: string, parse: (text: string) => T): T | undefined {
  const text = labels[label];
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new EngineError("invalid-argument", `failed to parse ${label} value: ${text} (${cause.message})`, { cause });
  }
}

function parseMtu(text: string): number {
  const mtu = parseGoInt(text);
  if (mtu < 0) throw new EngineError("invalid-argument", `invalid MTU number: ${mtu}`);
  return mtu;
}

function parseIp(text: string): IpAddress {
  const address = tryParseAddress(text);
  if (address === undefined) throw new SyntaxError("nil ip");
  return address;
}

function parseIpOf(family: Family, text: string): IpAddress {
  const address = parseIp(text);
  if (address.family !== family) throw new SyntaxError(`not an IPv${family} address`);
  return address;
}

function parseGatewayMode(mode: string, internal: boolean): GatewayMode | undefined {
  switch (mode) {
    case "":
      return undefined;
    case "nat":
    case "nat-unprotected":
    case "routed":
      return mode;
    case "isolated":
      if (internal) return mode;
      throw new EngineError("internal", "gateway mode 'isolated' can only be used for an internal network");
    default:
      throw new SyntaxError(`unknown gateway mode ${mode}`);
  }
}

/** Names with colons between them. A name that a packet filter would read as a pattern trusts more than was said. */
function parseTrusted(text: string): readonly string[] {
  const names = text.split(":").filter((name) => name !== "");
  const pattern = names.find((name) => !isPlainLinkName(name));
  if (pattern === undefined) return names;
  throw new EngineError("invalid-argument", `${OPTION.trustedInterfaces}: ${JSON.stringify(pattern)} names no link`);
}
