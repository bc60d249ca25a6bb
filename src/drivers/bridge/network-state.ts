/**
 * What a bridge network needs of the kernel: its bridge with a MAC that never changes, the gateway's addresses, sysctls, and
 * a firewall policy per address family.
 */
import { HOST, MARK, type KernelFact, type SysctlFact } from "../../kernel/facts.ts";
import type { MacAddress } from "../../addr/mac-address.ts";
import type { BridgePolicy } from "../../firewall/firewall.ts";
import type { DesiredState } from "../driver.ts";
import type { NetworkIntent } from "../intent.ts";
import type { BridgeConfig, FamilyConfig } from "./config.ts";
import { publishingMode } from "./publishing.ts";

export function networkState(network: NetworkIntent, config: BridgeConfig): DesiredState {
  return {
    facts: [bridgeLink(network, config), ...sysctls(config), ...addresses(config)],
    policies: config.families.map((family) => policy(config, family)),
  };
}

/** Equivalent to: `ip link add BRIDGE address MAC mtu MTU type bridge`, `ip link set BRIDGE alias causeway:ID up`. */
function bridgeLink(network: NetworkIntent, config: BridgeConfig): KernelFact {
  return {
    kind: "link",
    namespace: HOST,
    name: config.bridge,
    device: { type: "bridge" },
    mac: bridgeMac(network.id),
    ...(config.adopt ? { adopt: true } : {}),
    ...(config.mtu === undefined ? {} : { mtu: config.mtu }),
    up: true,
    alias: `${MARK}${network.id}`,
  };
}

/**
 * 02:42 and 32 bits of the network's id. A bridge without a MAC of its own takes its lowest port's and changes it as ports
 * come and go, which breaks its neighbours' caches; one derived from the id also survives a restart.
 */
export function bridgeMac(networkId: string): MacAddress {
  return { mac: (0x0242n << 32n) | BigInt(`0x${networkId.slice(0, 8)}`) };
}

/**
 * Without the bridge-nf-call settings, packets between two ports of one bridge never meet the rule that is to drop them. An
 * isolated bridge has no address in IPv6 either, not even the one that the kernel would give it.
 */
function sysctls(config: BridgeConfig): SysctlFact[] {
  const six = config.families.find(({ family }) => family === 6);
  const disabled = six?.gatewayMode === "isolated" ? "1" : "0";
  const bridged = config.icc ? [] : config.families.map(({ family }) => (family === 4 ? "iptables" : "ip6tables"));
  return [
    ...(six === undefined ? [] : [hostSysctl(`net/ipv6/conf/${config.bridge}/disable_ipv6`, disabled)]),
    ...(six === undefined || config.adopt ? [] : [hostSysctl(`net/ipv6/conf/${config.bridge}/accept_ra`, "0")]),
    ...loopbackRoute(config),
    ...bridged.map((program) => hostSysctl(`net/bridge/bridge-nf-call-${program}`, "1")),
  ];
}

/**
 * The host's own way to ports at 127.0.0.1 (see `endpoint-state.ts`). A bridge of ours has it once a port is published, and
 * goes with it; the user's has it as long as the network's rules are there to close what it opens.
 */
function loopbackRoute(config: BridgeConfig): SysctlFact[] {
  if (!config.adopt || !config.filtered || publishingMode(config, 4) !== "translated") return [];
  return [{ ...hostSysctl(`net/ipv4/conf/${config.bridge}/route_localnet`, "1"), undo: "0" }];
}

function hostSysctl(key: string, value: string): SysctlFact {
  return { kind: "sysctl", namespace: HOST, key, value };
}

function addresses(config: BridgeConfig): KernelFact[] {
  return config.families.flatMap(({ bridgeAddress }) =>
    bridgeAddress === undefined
      ? []
      : {
          kind: "address",
          namespace: HOST,
          link: config.bridge,
          address: bridgeAddress,
          ...(config.adopt ? { stays: true } : {}),
        },
  );
}

function policy({ bridge, icc, internal }: BridgeConfig, family: FamilyConfig): BridgePolicy {
  const { subnet, masquerade, gatewayMode } = family;
  return { kind: "bridge", family: family.family, bridge, subnet, icc, internal, masquerade, gateway: gatewayMode };
}
