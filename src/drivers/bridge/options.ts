/**
 * Driver options of bridge networks (`docker network create -o KEY=VALUE`), parsed and validated with the texts of Docker's
 * bridge driver (moby `drivers/bridge/bridge_linux.go`, `labels.go`). Keys that the driver does not know are ignored, as
 * Docker ignores them; options whose feature is not built are refused, because a network that silently lacks a protection
 * or a route is worse than none.
 */
import { EngineError } from "../../base/errors.ts";
import { tryParseAddress, type Family, type IpAddress } from "../../addr/ip-address.ts";
import { parseGoBool, parseGoInt } from "./go-parsing.ts";

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
}

type Labels = Readonly<Record<string, string>>;

/** Throws `invalid-argument` on a malformed value, `not-implemented` on a feature that is not built. */
export function parseBridgeOptions(labels: Labels, internal: boolean): BridgeOptions {
  parseLabel(labels, OPTION.hostBinding, parseIp);
  refuseUnbuilt(labels, internal);
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

function refuseUnbuilt(labels: Labels, internal: boolean): void {
  for (const label of [OPTION.gatewayModeIPv4, OPTION.gatewayModeIPv6])
    checkGatewayMode(label, labels[label], internal);
  if ((labels[OPTION.trustedInterfaces] ?? "") !== "")
    throw new EngineError("not-implemented", `${OPTION.trustedInterfaces} is not implemented yet`);
}

function checkGatewayMode(label: string, mode: string | undefined, internal: boolean): void {
  switch (mode) {
    case undefined:
    case "":
    case "nat":
      return;
    case "isolated":
      if (!internal)
        throw new EngineError("internal", "gateway mode 'isolated' can only be used for an internal network");
      break;
    case "routed":
    case "nat-unprotected":
      break;
    default:
      throw new EngineError(
        "invalid-argument",
        `failed to parse ${label} value: ${mode} (unknown gateway mode ${mode})`,
      );
  }
  throw new EngineError("not-implemented", `gateway mode '${mode}' (${label}) is not implemented yet`);
}
