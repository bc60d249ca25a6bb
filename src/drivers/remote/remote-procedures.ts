/**
 * The calls of a network driver that is a plugin (`DriverProcedures` over the remote protocol). An answer that cannot be used
 * is an error, and what the plugin did is taken back by the reverse call, as dockerd does; the text says how that went.
 */
import { EngineError, messageOf } from "../../base/errors.ts";
import type { EndpointIntent, NetworkIntent } from "../intent.ts";
import type { DiscoveredHost, DriverProcedures } from "../procedures.ts";
import { formatAddress } from "../../addr/ip-address.ts";
import { UnknownMethod, type Plugin } from "./plugin.ts";
import { HOST_DISCOVERY, NETWORK_DRIVER, type Discovery } from "./protocol/network-driver.ts";
import { endpointRef, newEndpoint, newNetwork, portOptions } from "./wire-requests.ts";
import { plugged, withInterface } from "./wire-answers.ts";

/** Who is called. */
export type CalledPlugin = Pick<Plugin, "name" | "call">;

/** `addressSpaceOf`: how the network's IPAM driver calls the space that its pools are from. */
export function remoteProcedures(
  plugin: CalledPlugin,
  addressSpaceOf: (network: NetworkIntent) => Promise<string>,
): DriverProcedures {
  const deleteEndpoint = async (endpoint: EndpointIntent): Promise<void> => {
    await plugin.call(NETWORK_DRIVER.DeleteEndpoint, endpointRef(endpoint));
  };
  const leave = async (endpoint: EndpointIntent): Promise<void> => {
    await plugin.call(NETWORK_DRIVER.Leave, endpointRef(endpoint));
  };
  return {
    async createNetwork(network) {
      await plugin.call(NETWORK_DRIVER.CreateNetwork, newNetwork(network, await addressSpaceOf(network)));
    },
    async deleteNetwork({ id }) {
      await plugin.call(NETWORK_DRIVER.DeleteNetwork, { NetworkID: id });
    },
    async createEndpoint(_network, endpoint, ports) {
      const answer = await plugin.call(NETWORK_DRIVER.CreateEndpoint, newEndpoint(endpoint, ports));
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
