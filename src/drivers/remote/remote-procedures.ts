/**
 * The calls of a network driver that is a plugin (`DriverProcedures` over the remote protocol). An answer that cannot be used
 * is an error, and what the plugin did is taken back by the reverse call, as dockerd does; the text says how that went.
 */
import { EngineError, messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { EndpointIntent, NetworkIntent } from "../intent.ts";
import type { DiscoveredHost, DriverProcedures } from "../procedures.ts";
import { formatAddress } from "../../addr/ip-address.ts";
import { CutShort, UnknownMethod, type Plugin } from "./plugin.ts";
import { HOST_DISCOVERY, NETWORK_DRIVER, type Discovery } from "./protocol/network-driver.ts";
import { endpointRef, networkOptions, newEndpoint, newNetwork, portOptions } from "./wire-requests.ts";
import { plugged, withInterface } from "./wire-answers.ts";

/** Who is called. */
export interface CalledPlugin extends Pick<Plugin, "name" | "call"> {
  /** Whether it takes `GwAllocCheck`, which most do not know. Asks it what it is where that is not known yet. */
  checksGateways(): Promise<boolean>;
  /** For what nobody waits for. */
  readonly log: Log;
}

/** `addressSpaceOf`: how the network's IPAM driver calls the space that its pools are from. */
export function remoteProcedures(
  plugin: CalledPlugin,
  addressSpaceOf: (network: NetworkIntent) => Promise<string>,
): DriverProcedures {
  return { ...networkProcedures(plugin, addressSpaceOf), ...endpointProcedures(plugin), ...hostProcedures(plugin) };
}

type Of<Names extends keyof DriverProcedures> = Pick<DriverProcedures, Names>;

function networkProcedures(
  plugin: CalledPlugin,
  addressSpaceOf: (network: NetworkIntent) => Promise<string>,
): Of<"skippedGateways" | "createNetwork" | "deleteNetwork"> {
  const deleteNetwork = async ({ id }: NetworkIntent): Promise<void> => {
    await plugin.call(NETWORK_DRIVER.DeleteNetwork, { NetworkID: id });
  };
  return {
    async skippedGateways(network) {
      if (!(await plugin.checksGateways())) return [];
      const answer = await plugin.call(NETWORK_DRIVER.GwAllocCheck, { Options: networkOptions(network) });
      return [...(answer.SkipIPv4 ? ([4] as const) : []), ...(answer.SkipIPv6 ? ([6] as const) : [])];
    },
    async createNetwork(network) {
      const request = newNetwork(network, await addressSpaceOf(network));
      const made = plugin.call(NETWORK_DRIVER.CreateNetwork, request);
      await revertedIfCut(plugin, made, () => deleteNetwork(network));
    },
    deleteNetwork,
  };
}

function endpointProcedures(
  plugin: CalledPlugin,
): Omit<DriverProcedures, keyof ReturnType<typeof networkProcedures> | keyof ReturnType<typeof hostProcedures>> {
  const deleteEndpoint = async (endpoint: EndpointIntent): Promise<void> => {
    await plugin.call(NETWORK_DRIVER.DeleteEndpoint, endpointRef(endpoint));
  };
  const leave = async (endpoint: EndpointIntent): Promise<void> => {
    await plugin.call(NETWORK_DRIVER.Leave, endpointRef(endpoint));
  };
  return {
    async createEndpoint(_network, endpoint, ports) {
      const made = plugin.call(NETWORK_DRIVER.CreateEndpoint, newEndpoint(endpoint, ports));
      const answer = await revertedIfCut(plugin, made, () => deleteEndpoint(endpoint));
      return usable(plugin, "CreateEndpoint", {
        read: () => withInterface(endpoint, answer),
        undo: () => deleteEndpoint(endpoint),
      });
    },
    deleteEndpoint: (_network, endpoint) => deleteEndpoint(endpoint),
    async join(_network, endpoint, { sandboxKey, ports }) {
      const request = { ...endpointRef(endpoint), SandboxKey: sandboxKey, Options: portOptions(ports) };
      const answer = await plugin.call(NETWORK_DRIVER.Join, request);
      return usable(plugin, "Join", {
        read: () => ({ ...endpoint, plugged: plugged(answer) }),
        undo: () => leave(endpoint),
      });
    },
    leave: (_network, endpoint) => leave(endpoint),
    async programExternalConnectivity(_network, endpoint, ports) {
      const request = { ...endpointRef(endpoint), Options: portOptions(ports) };
      await unlessUnknown(plugin.call(NETWORK_DRIVER.ProgramExternalConnectivity, request));
    },
    async revokeExternalConnectivity(_network, endpoint) {
      await unlessUnknown(plugin.call(NETWORK_DRIVER.RevokeExternalConnectivity, endpointRef(endpoint)));
    },
    async operationalInfo(_network, endpoint) {
      return (await plugin.call(NETWORK_DRIVER.EndpointOperInfo, endpointRef(endpoint))).Value;
    },
  };
}

function hostProcedures(plugin: CalledPlugin): Of<"hostFound" | "hostLost"> {
  return {
    async hostFound(host) {
      await plugin.call(NETWORK_DRIVER.DiscoverNew, discovery(host));
    },
    async hostLost(host) {
      await plugin.call(NETWORK_DRIVER.DiscoverDelete, discovery(host));
    },
  };
}

function discovery({ address, isSelf }: DiscoveredHost): Discovery {
  const data = { Address: formatAddress(address), BindAddress: "", Self: isSelf };
  return { DiscoveryType: HOST_DISCOVERY, DiscoveryData: data };
}

/**
 * The plugin may have done what it never answered to: it is told once to take it back, and whoever asked does not wait for that.
 * Where it had done nothing it knows no such thing, and says so.
 */
async function revertedIfCut<T>(plugin: CalledPlugin, call: Promise<T>, revert: () => Promise<void>): Promise<T> {
  return call.catch((cause: unknown) => {
    if (cause instanceof CutShort) {
      void revert().catch((failure: unknown) => {
        plugin.log.warn({ plugin: plugin.name, err: failure }, `call not taken back: ${messageOf(failure)}`);
      });
    }
    throw cause;
  });
}

/** Older plugins lack these two calls; dockerd lets that pass, and nothing else. */
async function unlessUnknown(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (cause) {
    if (!(cause instanceof UnknownMethod)) throw cause;
  }
}

async function usable<T>(
  plugin: CalledPlugin,
  method: string,
  { read, undo }: { readonly read: () => T; readonly undo: () => Promise<void> },
): Promise<T> {
  try {
    return read();
  } catch (cause) {
    const undone = await undo().then(
      () => "rolled back",
      (failure: unknown) => `failed to roll back: ${messageOf(failure)}`,
    );
    const text = `plugin ${plugin.name}: NetworkDriver.${method}: ${messageOf(cause)}; ${undone}`;
    throw new EngineError("internal", text, { cause });
  }
}
