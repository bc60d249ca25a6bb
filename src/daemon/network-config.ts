/**
 * The network part of the configuration: dockerd's flags of the default bridge, DNS, pools and firewall as values, with
 * dockerd's fatal combinations (`daemon/config`, `verifyDaemonSettings`).
 */
import { isUnspecified, parseAddress } from "../addr/ip-address.ts";
import type { IpAddress } from "../addr/ip-address.ts";
import { parsePrefix } from "../addr/prefix.ts";
import type { Prefix } from "../addr/prefix.ts";
import { EngineError, messageOf } from "../base/errors.ts";
import type { DefaultBridgeSettings, NetworkSettings } from "../controller/options.ts";
import type { Json } from "../store/store.ts";
import type { DaemonConfig } from "./config.ts";
import type { Settings } from "./flags/settings.ts";

type NetworkPart = Pick<
  DaemonConfig,
  "network" | "addressPools" | "iptables" | "ip6tables" | "forwardWithoutDrop" | "firewallBackend" | "pluginTimeoutMs"
>;

export function resolveNetwork(settings: Settings): NetworkPart {
  refuseContradictions(settings);
  const iptables = settings.flag("iptables");
  const bridge = resolveBridge(settings, iptables);
  const network: NetworkSettings = {
    ...(bridge !== undefined && { defaultBridge: bridge }),
    dns: {
      servers: addresses(settings, "dns"),
      search: settings.list("dns-search"),
      options: settings.list("dns-opt"),
    },
    resolvConfPath: settings.textOf("resolv-conf"),
    hostGateways: addresses(settings, "host-gateway-ip"),
    ipForward: settings.flag("ip-forward"),
    networkOptions: resolveNetworkOptions(settings),
    allowDirectRouting: settings.flag("allow-direct-routing"),
    userlandProxy: settings.flag("userland-proxy"),
  };
  const addressPools = resolvePools(settings);
  return {
    network,
    ...(addressPools !== undefined && { addressPools }),
    iptables,
    ip6tables: settings.flag("ip6tables"),
    forwardWithoutDrop: settings.flag("ip-forward-no-drop"),
    firewallBackend: resolveBackend(settings),
    pluginTimeoutMs: settings.number("plugin-timeout") * 1000,
  };
}

function refuse(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}

function refuseContradictions(settings: Settings): void {
  for (const bip of ["bip", "bip6"]) {
    if (settings.text("bridge") === undefined || settings.text(bip) === undefined) continue;
    throw refuse(`You specified -b & --${bip}, mutually exclusive options. Please specify only one`);
  }
  for (const [tables, name] of [
    ["iptables", "iptables"],
    ["ip6tables", "ip6tables"],
  ] as const) {
    if (settings.flag(tables) || settings.flag("icc")) continue;
    throw refuse(
      `You specified --${name}=false with --icc=false. ICC=false uses ${name} to function. Please set --icc or --${name} to true`,
    );
  }
  const patience = settings.number("plugin-timeout");
  if (patience < 1 || patience > 3600) throw refuse(`--plugin-timeout must be 1 to 3600 seconds: ${patience}`);
  if (settings.number("mtu") < 0) throw refuse(`invalid default MTU: ${settings.number("mtu")}`);
}

function resolveBackend(settings: Settings): "iptables" | "nftables" {
  const name = settings.text("firewall-backend") ?? "iptables";
  if (name !== "iptables" && name !== "nftables") {
    throw refuse('invalid firewall-backend: allowed values are "iptables" and "nftables"');
  }
  return name;
}

/** The default bridge; undefined for `--bridge=none`. Without rules of ours there is no masquerading either. */
function resolveBridge(settings: Settings, iptables: boolean): DefaultBridgeSettings | undefined {
  const name = settings.text("bridge") ?? "docker0";
  if (name === "none") return undefined;
  if (Buffer.byteLength(name) > 15) throw refuse(`--bridge: a link name has at most 15 bytes: ${name}`);
  const bip = prefix(settings, "bip");
  const bip6 = prefix(settings, "bip6");
  const fixedCidr = prefix(settings, "fixed-cidr");
  const fixedCidr6 = prefix(settings, "fixed-cidr-v6");
  const defaultGateway = address(settings, "default-gateway");
  const defaultGateway6 = address(settings, "default-gateway-v6");
  const hostBinding = address(settings, "ip");
  return {
    name,
    ...(bip !== undefined && { bip }),
    ...(bip6 !== undefined && { bip6 }),
    ...(fixedCidr !== undefined && { fixedCidr }),
    ...(fixedCidr6 !== undefined && { fixedCidr6 }),
    ...(defaultGateway !== undefined && { defaultGateway }),
    ...(defaultGateway6 !== undefined && { defaultGateway6 }),
    ...(hostBinding !== undefined && !isUnspecified(hostBinding) && { hostBinding }),
    adopt: settings.text("bridge") !== undefined,
    mtu: settings.number("mtu") === 0 ? 1500 : settings.number("mtu"),
    icc: settings.flag("icc"),
    ipMasquerade: iptables && settings.flag("ip-masq"),
    ipv6: settings.flag("ipv6"),
  };
}

function resolvePools(settings: Settings): readonly { readonly base: Prefix; readonly size: number }[] | undefined {
  const value = settings.value("default-address-pool");
  if (!Array.isArray(value)) return undefined;
  return value.map((pool: unknown) => {
    const isPool = typeof pool === "object" && pool !== null && "base" in pool && "size" in pool;
    if (!isPool || typeof pool.base !== "string" || typeof pool.size !== "number") {
      throw refuse('default-address-pools: each pool has a "base" in CIDR notation and a numeric "size"');
    }
    return { base: parsed("default-address-pool", pool.base, parsePrefix), size: pool.size };
  });
}

/** `DRIVER=OPTION=VALUE` each, or in the file an object of objects. */
function resolveNetworkOptions(settings: Settings): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const name = "default-network-opt";
  const typed = settings.list(name);
  const given = typed.length > 0 ? typed.map(splitOption) : nestedOptions(settings.value(name));
  const options = new Map<string, Readonly<Record<string, string>>>();
  for (const [driver, key, text] of given) {
    options.set(driver, { ...options.get(driver), [key]: text });
  }
  return options;
}

type NetworkOption = readonly [driver: string, key: string, value: string];

function splitOption(given: string): NetworkOption {
  const [, driver, key, value] = /^([^=]+)=([^=]+)=(.*)$/s.exec(given) ?? [];
  if (driver !== undefined && key !== undefined && value !== undefined) return [driver, key, value];
  const why = `invalid value "${given}" for map option, should be root-key=key=value`;
  throw refuse(`invalid argument "${given}" for "--default-network-opt" flag: ${why}`);
}

function nestedOptions(value: Json | undefined): readonly NetworkOption[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([driver, options]) => {
    if (typeof options !== "object" || options === null || Array.isArray(options)) {
      throw refuse(`default-network-opts: ${driver} must be an object of options, not ${JSON.stringify(options)}`);
    }
    return Object.entries(options).map(([key, text]): NetworkOption => {
      if (typeof text === "string") return [driver, key, text];
      throw refuse(`default-network-opts: ${driver}: ${key} must be a string, not ${JSON.stringify(text)}`);
    });
  });
}

function prefix(settings: Settings, name: string): Prefix | undefined {
  const text = settings.text(name);
  return text === undefined ? undefined : parsed(name, text, parsePrefix);
}

function address(settings: Settings, name: string): IpAddress | undefined {
  const text = settings.text(name);
  return text === undefined ? undefined : parsed(name, text, parseAddress);
}

function addresses(settings: Settings, name: string): readonly IpAddress[] {
  return settings.list(name).map((text) => parsed(name, text, parseAddress));
}

function parsed<T>(name: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (cause) {
    throw new EngineError("invalid-argument", `invalid argument "${text}" for "--${name}": ${messageOf(cause)}`, {
      cause,
    });
  }
}
