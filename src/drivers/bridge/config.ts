/**
 * A bridge network's settings with every default filled in: the one place where options, daemon defaults and the network's
 * pools meet. Everything else in this folder reads `BridgeConfig` only.
 */
import { shortId } from "../../base/ids.ts";
import { isUnspecified, type Family, type IpAddress } from "../../addr/ip-address.ts";
import type { Prefix } from "../../addr/prefix.ts";
import type { GatewayMode } from "../../firewall/firewall.ts";
import { enabledFamilies } from "../enabled-families.ts";
import type { NetworkIntent } from "../intent.ts";
import { parseBridgeOptions } from "./options.ts";

/** The daemon's defaults; those for the default bridge do not reach other networks. */
export interface BridgeDriverOptions {
  /** The default bridge's link; "docker0" unless `--bridge` named another. */
  readonly defaultBridgeName?: string;
  /** Whether the default bridge is the user's own link (`--bridge`): configured, never made or removed by us. */
  readonly adoptDefaultBridge?: boolean;
  /** Bytes, for the default bridge (`--mtu`). */
  readonly mtu?: number;
  /** For the default bridge (`--icc`). */
  readonly icc?: boolean;
  /** For the default bridge (`--ip-masq`). */
  readonly masquerade?: boolean;
  /** For the default bridge (`--default-gateway`, `--default-gateway-v6`): containers route through these. */
  readonly defaultGateways?: readonly IpAddress[];
  /** For the default bridge (`--ip`): where a published port listens that names no address of the host. */
  readonly hostBinding?: IpAddress;
  /** For all networks (`--allow-direct-routing`): published ports are reached at containers' own addresses too. */
  readonly allowDirectRouting?: boolean;
  /** Whether policies become rules (`--iptables`); where they do not, nothing may be opened that they should close. */
  readonly filtered?: boolean;
}

export interface BridgeConfig {
  readonly bridge: string;
  /** The link may be someone else's: named by the user, hence used as it is where it exists. */
  readonly adopt: boolean;
  /** Bytes. */
  readonly mtu?: number;
  readonly icc: boolean;
  readonly internal: boolean;
  readonly interfacePrefix: string;
  readonly hostBinding?: IpAddress;
  readonly trustedInterfaces: readonly string[];
  readonly allowDirectRouting: boolean;
  readonly filtered: boolean;
  /** One per address family in use, IPv4 first. */
  readonly families: readonly FamilyConfig[];
}

export interface FamilyConfig {
  readonly family: Family;
  readonly subnet: Prefix;
  /** The bridge's own address with the subnet's length; absent where the bridge is to have none. */
  readonly bridgeAddress?: Prefix;
  /** What containers may route through; absent on internal networks. */
  readonly gateway?: IpAddress;
  readonly masquerade: "none" | "masquerade" | { readonly snat: IpAddress };
  readonly gatewayMode: GatewayMode;
}

/** Names under which a pool's auxiliary addresses replace the gateway that containers use (libnetwork `DefaultGatewayV4AuxKey`). */
const GATEWAY_AUXILIARY: Readonly<Record<Family, string>> = { 4: "DefaultGatewayIPv4", 6: "DefaultGatewayIPv6" };

/** Throws EngineError when the options are malformed. Pools without a subnet (not leased yet) are left out. */
export function bridgeConfig(network: NetworkIntent, daemon: BridgeDriverOptions): BridgeConfig {
  const options = parseBridgeOptions(network.options, network.internal);
  const isDefault = options.defaultBridge || (network.predefined && network.driver === "bridge");
  const defaults: BridgeDriverOptions = isDefault ? daemon : {};
  const mtu = options.mtu ?? defaults.mtu ?? 0;
  const masquerade = (options.masquerade ?? defaults.masquerade ?? true) && !network.internal;
  const hostBinding = namedAddress(options.hostBinding ?? defaults.hostBinding);
  return {
    bridge: bridgeName(network, options.bridgeName, isDefault ? daemon : undefined),
    adopt: isDefault ? (daemon.adoptDefaultBridge ?? false) : options.bridgeName !== undefined,
    ...(mtu > 0 ? { mtu } : {}),
    icc: options.icc ?? defaults.icc ?? true,
    internal: network.internal,
    interfacePrefix: options.interfacePrefix ?? "eth",
    ...(hostBinding === undefined ? {} : { hostBinding }),
    trustedInterfaces: options.trustedInterfaces,
    allowDirectRouting: daemon.allowDirectRouting ?? false,
    filtered: daemon.filtered ?? true,
    families: enabledFamilies(network).flatMap((family): FamilyConfig[] => {
      const config = familyConfig(network, family, defaults.defaultGateways ?? []);
      if (config === undefined) return [];
      const { bridgeAddress, ...rest } = config;
      const snat = options.hostAddresses[family];
      const gatewayMode = options.gatewayModes[family] ?? "nat";
      const bare = gatewayMode === "isolated" || (family === 4 && options.inhibitIPv4);
      const disguise = masquerade && gatewayMode !== "routed";
      return [
        {
          ...rest,
          ...(bridgeAddress === undefined || bare ? {} : { bridgeAddress }),
          masquerade: !disguise ? "none" : snat === undefined ? "masquerade" : { snat },
          gatewayMode,
        },
      ];
    }),
  };
}

/** 0.0.0.0 means every address of the host, of either family, as if nothing had been said. */
function namedAddress(address: IpAddress | undefined): IpAddress | undefined {
  return address?.family === 4 && isUnspecified(address) ? undefined : address;
}

function bridgeName(
  network: NetworkIntent,
  option: string | undefined,
  daemon: BridgeDriverOptions | undefined,
): string {
  return option ?? (daemon === undefined ? `br-${shortId(network.id)}` : (daemon.defaultBridgeName ?? "docker0"));
}

function familyConfig(
  network: NetworkIntent,
  family: Family,
  defaultGateways: readonly IpAddress[],
): Omit<FamilyConfig, "masquerade" | "gatewayMode"> | undefined {
  const pool = network.pools.find((candidate) => candidate.family === family);
  if (pool?.subnet === undefined) return undefined;
  const { subnet, gateway: own } = pool;
  const gateway =
    pool.auxiliary[GATEWAY_AUXILIARY[family]] ?? defaultGateways.find((address) => address.family === family) ?? own;
  return {
    family,
    subnet,
    ...(own === undefined ? {} : { bridgeAddress: { address: own, length: subnet.length } }),
    ...(gateway === undefined || network.internal ? {} : { gateway }),
  };
}
