/**
 * The bridge driver: a network is a Linux bridge with the gateway's address, an endpoint a veth pair from the bridge into its
 * sandbox. Pure functions from intent to desired state (see `driver.ts`); option keys, names, messages and the rules of
 * conflict are those of Docker's bridge driver.
 */
import { EngineError } from "../../base/errors.ts";
import { isPlainLinkName } from "../../firewall/policy-check.ts";
import { isInterfaceName } from "../../sandbox/interface-name.ts";
import type { Driver, JoinInfo } from "../driver.ts";
import type { EndpointIntent, NetworkIntent } from "../intent.ts";
import { bridgeConfig, type BridgeConfig, type BridgeDriverOptions } from "./config.ts";
import { checkConflict, checkPools } from "./conflicts.ts";
import { endpointState } from "./endpoint-state.ts";
import { networkState } from "./network-state.ts";
import { publishing } from "./publishing.ts";

export type { BridgeDriverOptions } from "./config.ts";

export function createBridgeDriver(options: BridgeDriverOptions = {}): Driver {
  const configOf = rememberedConfigs(options);
  return {
    name: "bridge",
    capabilities: { scope: "local", addresses: true, singleton: false, hostNamespace: false },
    validate: (network, existing) => validate(network, existing, configOf),
    networkState: (network) => networkState(network, configOf(network)),
    endpointState: (network, endpoint, place) => endpointState(configOf(network), endpoint, place),
    joinInfo: (network, endpoint) => joinInfo(configOf(network), endpoint),
    adoptedLink: (network) => adoptedLink(configOf(network)),
    publishing: (network) => publishing(configOf(network)),
  };
}

/** The name of a bridge network's link on the host: what `com.docker.network.bridge.name` says, docker0 or `br-<12 digits>`. */
export function bridgeLinkName(network: NetworkIntent, options: BridgeDriverOptions = {}): string {
  return bridgeConfig(network, options).bridge;
}

type ConfigOf = (network: NetworkIntent) => BridgeConfig;

/** Intents do not change, so each is read once: a new network is compared with all others, a thousand of them perhaps. */
function rememberedConfigs(options: BridgeDriverOptions): ConfigOf {
  const known = new WeakMap<NetworkIntent, BridgeConfig>();
  return (network) => {
    const config = known.get(network) ?? bridgeConfig(network, options);
    known.set(network, config);
    return config;
  };
}

function validate(network: NetworkIntent, existing: readonly NetworkIntent[], configOf: ConfigOf): void {
  checkPools(network);
  const { bridge, interfacePrefix } = configOf(network);
  checkNames(bridge, interfacePrefix);
  for (const other of existing) {
    if (other.driver !== "bridge" || other.configOnly || other.id === network.id) continue;
    checkConflict({ network, bridge }, { network: other, bridge: configOf(other).bridge });
  }
}

/** Docker finds out later, from the kernel, or not at all: a bridge named `br+` is a wildcard in every one of its rules. */
function checkNames(bridge: string, interfacePrefix: string): void {
  if (!isInterfaceName(bridge) || !isPlainLinkName(bridge))
    throw new EngineError(
      "invalid-argument",
      `invalid bridge name ${JSON.stringify(bridge)}: 1 to 15 letters, digits, '_', '.', '@' or '-'`,
    );
  if (!isInterfaceName(`${interfacePrefix}0`))
    throw new EngineError("invalid-argument", `invalid interface prefix ${JSON.stringify(interfacePrefix)}`);
}

function adoptedLink({ adopt, bridge }: BridgeConfig): string | undefined {
  return adopt ? bridge : undefined;
}

function joinInfo(config: BridgeConfig, endpoint: EndpointIntent): JoinInfo {
  const has = (family: number): boolean => endpoint.addresses.some(({ address }) => address.family === family);
  return {
    interfacePrefix: config.interfacePrefix,
    gateways: config.families.flatMap(({ family, gateway }) => (gateway !== undefined && has(family) ? [gateway] : [])),
    routes: [],
  };
}
