/**
 * The overlay driver: one network over many hosts. Each host that runs containers on it has a namespace with a bridge and a
 * VXLAN (RFC 7348) per subnet, and in the VXLAN's tables the way to every container elsewhere; which those are comes in as the
 * network's members. Pure functions from intent to desired state (see `driver.ts`); option keys and messages are those of
 * Docker's overlay driver as it was on a key-value store (libnetwork 20.10), without its faults: nothing is learned, entries
 * replace each other, MAC addresses say nothing of IP addresses.
 */
import { EngineError } from "../../base/errors.ts";
import { NO_PUBLISHING, type Driver } from "../driver.ts";
import { enabledFamilies } from "../enabled-families.ts";
import type { NetworkIntent } from "../intent.ts";
import { overlayConfig, type OverlayConfig, type OverlayDriverOptions } from "./config.ts";
import { endpointState, joinInfo } from "./endpoint-state.ts";
import { networkState } from "./network-state.ts";
import { parseOverlayOptions } from "./options.ts";

export { networkNamespaceName, type OverlayDriverOptions } from "./config.ts";
export { peerAnnouncements } from "./peer-announcements.ts";
export type { PeerAnnouncements } from "./peer-announcements.ts";

export function createOverlayDriver(options: OverlayDriverOptions): Driver {
  const configOf = rememberedConfigs(options);
  return {
    name: "overlay",
    capabilities: { scope: "global", addresses: true, singleton: false, hostNamespace: false },
    validate: (network, existing) => validate(network, existing, options),
    networkState: (network, members) => networkState(network, configOf(network), members),
    endpointState: (network, endpoint, place) => endpointState(configOf(network), endpoint, place),
    joinInfo: (network, endpoint) => joinInfo(network, configOf(network), endpoint),
    adoptedLink: () => undefined,
    publishing: () => NO_PUBLISHING,
    vxlanIds: chosenVxlanIds,
  };
}

function chosenVxlanIds(network: NetworkIntent): readonly (number | undefined)[] {
  const { vxlanIds } = parseOverlayOptions(network.options);
  return network.pools.map((_pool, index) => vxlanIds[index]);
}

type ConfigOf = (network: NetworkIntent) => OverlayConfig;

/** Intents do not change, so each is read once. */
function rememberedConfigs(options: OverlayDriverOptions): ConfigOf {
  const known = new WeakMap<NetworkIntent, OverlayConfig>();
  return (network) => {
    const config = known.get(network) ?? overlayConfig(network, options);
    known.set(network, config);
    return config;
  };
}

/** An IPv6 host's packet is at least this long (RFC 8200), an IPv4 host's this (RFC 791). */
const LEAST_MTU = { 4: 68, 6: 1280 } as const;

function validate(network: NetworkIntent, existing: readonly NetworkIntent[], options: OverlayDriverOptions): void {
  const families = enabledFamilies(network);
  if (families.length === 0) throw new EngineError("invalid-argument", "IPv4 or IPv6 must be enabled");
  const [family = 4] = families;
  if (network.ipamDriver === "null") throw new EngineError("invalid-argument", `ipv${family} pool is empty`);
  const { mtu } = overlayConfig(network, options);
  const least = Math.max(...families.map((each) => LEAST_MTU[each]));
  if (mtu < least)
    throw new EngineError(
      "invalid-argument",
      `invalid MTU value: tunnels leave ${mtu} bytes of it for a packet, and IPv${least === 68 ? 4 : 6} needs ${least}`,
    );
  checkVxlanIds(network, existing);
}

function checkVxlanIds(network: NetworkIntent, existing: readonly NetworkIntent[]): void {
  const { vxlanIds } = parseOverlayOptions(network.options);
  if (vxlanIds.length > 0 && vxlanIds.length < network.pools.length)
    throw new EngineError("invalid-argument", `insufficient vnis(${vxlanIds.length}) passed to overlay`);
  for (const other of existing) {
    const taken = other.id === network.id ? undefined : other.pools.find(({ vni = 0 }) => vxlanIds.includes(vni));
    if (taken !== undefined)
      throw new EngineError("forbidden", `vxlan id ${taken.vni} is that of network ${other.name}`);
  }
}
