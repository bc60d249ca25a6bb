/** The calls of a network driver, each answered by its handler, or as the protocol's defaults say where there is none. */
import { NETWORK_DRIVER as CALLS } from "../drivers/remote/protocol/network-driver.ts";
import type { Method } from "./method.ts";
import { method, unless } from "./method.ts";
import type { NetworkDriverHandlers } from "./network-driver.ts";
import {
  createdEndpoint,
  discoveredHost,
  endpointKey,
  endpointPorts,
  endpointRequest,
  joined,
  networkRequest,
} from "./network-values.ts";
import { idOf } from "./wire-text.ts";

export function networkDriverMethods(driver: NetworkDriverHandlers): readonly Method[] {
  return [...describing(driver), ...ofNetworks(driver), ...ofEndpoints(driver), ...optional(driver)];
}

function describing(driver: NetworkDriverHandlers): readonly Method[] {
  const { scope = "local", connectivityScope = scope } = driver.capabilities ?? {};
  return [
    method(CALLS.GetCapabilities, () => ({ Scope: scope, ConnectivityScope: connectivityScope })),
    // Asked of those who say that they check gateways, which we do not.
    method(CALLS.GwAllocCheck, () => ({ SkipIPv4: false, SkipIPv6: false })),
  ];
}

function ofNetworks(driver: NetworkDriverHandlers): readonly Method[] {
  return [
    method(CALLS.CreateNetwork, async (network) => {
      await driver.createNetwork(networkRequest(network));
      return {};
    }),
    method(CALLS.DeleteNetwork, async ({ NetworkID }) => {
      await driver.deleteNetwork({ networkId: idOf(NetworkID, "NetworkID") });
      return {};
    }),
    method(CALLS.AllocateNetwork, async (request) => {
      const network = networkRequest(request);
      return { Options: (await driver.allocateNetwork?.(network)) ?? {} };
    }),
    method(CALLS.FreeNetwork, async ({ NetworkID }) => {
      const networkId = idOf(NetworkID, "NetworkID");
      await driver.freeNetwork?.({ networkId });
      return {};
    }),
  ];
}

function ofEndpoints(driver: NetworkDriverHandlers): readonly Method[] {
  return [
    method(CALLS.CreateEndpoint, async (request) => {
      const endpoint = endpointRequest(request);
      return createdEndpoint(endpoint.interface, unless(await driver.createEndpoint(endpoint)));
    }),
    method(CALLS.DeleteEndpoint, async (endpoint) => {
      await driver.deleteEndpoint(endpointKey(endpoint));
      return {};
    }),
    method(CALLS.Join, async ({ SandboxKey, Options, ...endpoint }) =>
      joined(await driver.join({ ...endpointKey(endpoint), sandboxKey: SandboxKey, options: Options })),
    ),
    method(CALLS.Leave, async (endpoint) => {
      await driver.leave(endpointKey(endpoint));
      return {};
    }),
  ];
}

/** The request is read whether or not anybody listens, so that what is none is always refused. */
function optional(driver: NetworkDriverHandlers): readonly Method[] {
  return [
    method(CALLS.EndpointOperInfo, async (request) => {
      const endpoint = endpointKey(request);
      return { Value: (await driver.operationalInfo?.(endpoint)) ?? {} };
    }),
    method(CALLS.ProgramExternalConnectivity, async ({ Options, ...request }) => {
      const endpoint = { ...endpointKey(request), ...endpointPorts(Options) };
      await driver.programExternalConnectivity?.(endpoint);
      return {};
    }),
    method(CALLS.RevokeExternalConnectivity, async (request) => {
      const endpoint = endpointKey(request);
      await driver.revokeExternalConnectivity?.(endpoint);
      return {};
    }),
    method(CALLS.DiscoverNew, async (news) => {
      const host = discoveredHost(news);
      if (host !== undefined) await driver.discoverNew?.(host);
      return {};
    }),
    method(CALLS.DiscoverDelete, async (news) => {
      const host = discoveredHost(news);
      if (host !== undefined) await driver.discoverDelete?.(host);
      return {};
    }),
  ];
}
