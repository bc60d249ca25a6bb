/**
 * Our networks as dockerd asks for them: each of its networks is bound to one of the cluster's, which the first host makes and
 * the last leaves. Endpoints get their interface in that network's namespace, and dockerd moves the other end. There is no
 * gateway: the way out and published ports are those of dockerd's own docker_gwbridge, as with its overlay networks.
 */
import { formatPrefix, networkOf, prefixContains, samePrefix } from "../../addr/prefix.ts";
import { EngineError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Controller } from "../../controller/controller.ts";
import type { NetworkIntent, PoolIntent } from "../../drivers/intent.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { present } from "../../store/record-reader.ts";
import type {
  EndpointAddresses,
  EndpointRequest,
  JoinAnswer,
  JoinRequest,
  NetworkDriverHandlers,
  NetworkRequest,
  PoolData,
} from "../network-driver.ts";
import type { Binding, Bindings, PendingPool } from "./bindings.ts";
import { ADDRESS_SPACE } from "./ipam.ts";
import { letThrough, letThroughNoMore, makeBridge } from "./bridge-network.ts";
import { leaveShared } from "./leave-shared.ts";
import {
  checkDriver,
  checkNetworkName,
  DRIVER_OPTION,
  driverOptions,
  NETWORK_OPTION,
  textOption,
  type DriverName,
} from "./options.ts";
import { boundNetwork, boundPool, makeShared, networkOfPool, poolWith, sharedNetworkWith } from "./shared-network.ts";

export interface NetworkParts {
  readonly controller: Controller;
  readonly kernel: Pick<Kernel, "run">;
  /** Of networks that say nothing else: overlay where there is a cluster. */
  readonly driver: DriverName;
  readonly bindings: Bindings;
  readonly log: Log;
  /** An endpoint came: its container's name is to be found out. */
  readonly onJoin: (endpointId: string) => void;
}

export function networkHandlers(parts: NetworkParts): NetworkDriverHandlers {
  const { lending } = parts.controller;
  return {
    capabilities: { scope: "local" },
    createNetwork: (network) => createNetwork(parts, network),
    deleteNetwork: ({ networkId }) => deleteNetwork(parts, networkId),
    createEndpoint: (endpoint) => createEndpoint(parts, endpoint),
    deleteEndpoint: ({ endpointId }) => lending.removeEndpoint(endpointId),
    join: (endpoint) => join(parts, endpoint),
    leave: ({ endpointId }) => lending.leave(endpointId),
    operationalInfo: ({ networkId }) => ({ "causeway.network": parts.bindings.get(networkId)?.name ?? "" }),
  };
}

async function createNetwork(parts: NetworkParts, network: NetworkRequest): Promise<void> {
  const driver = checkDriver(textOption(network.options, DRIVER_OPTION)) ?? parts.driver;
  if (driver === "overlay" && parts.driver !== "overlay") {
    const mend = "start causeway plugin with --cluster-store";
    throw new EngineError("unavailable", `overlay networks are shared by the hosts of a cluster: ${mend}`);
  }
  await (driver === "bridge" ? createBridge : createOverlay)(parts, network);
}

async function createBridge({ controller, bindings, kernel }: NetworkParts, network: NetworkRequest): Promise<void> {
  const pools = [...network.ipv4, ...network.ipv6].map((pool) =>
    pool.addressSpace === ADDRESS_SPACE ? { ...pendingPool(bindings, pool), auxiliary: {} } : foreignPool(pool),
  );
  const made = await makeBridge(controller, network, pools);
  try {
    await letThrough(kernel, made);
    bindings.put(bindingOf(network, made));
  } catch (cause) {
    await controller.removeNetwork(made.id);
    throw cause;
  }
}

/** Of dockerd's own address management, whose addresses we keep account of too. */
function foreignPool({ subnet, gateway }: PoolData): PoolIntent {
  return present({ family: subnet.address.family, subnet, gateway: gateway?.address, auxiliary: {} });
}

async function createOverlay({ controller, bindings }: NetworkParts, network: NetworkRequest): Promise<void> {
  const pools = [...network.ipv4, ...network.ipv6];
  if (pools.some(({ addressSpace }) => addressSpace !== ADDRESS_SPACE)) {
    throw new EngineError("invalid-argument", "hosts share the addresses of this network: add --ipam-driver causeway");
  }
  const [first] = pools;
  if (first === undefined) throw new EngineError("invalid-argument", "the network has no subnet");
  const shared = sharedNetworkWith(controller, first.subnet);
  const asked = checkNetworkName(textOption(network.options, NETWORK_OPTION));
  if (shared !== undefined) return bindings.put(bindingOf(network, joined(shared, pools, asked)));
  const leased = pools.map((pool) => pendingPool(bindings, pool));
  const name = asked ?? leased.find((pool) => pool.name !== undefined)?.name;
  if (name === undefined) {
    const mend = `--ipam-opt ${NETWORK_OPTION}=NAME or -o ${NETWORK_OPTION}=NAME, the same on every host`;
    throw new EngineError("invalid-argument", `say which network of the cluster this is: ${mend}`);
  }
  const { internal } = network;
  const made = await makeShared(controller, {
    name,
    pools: leased.map(({ name: _name, ...pool }) => pool),
    internal,
    options: driverOptions(network.options),
  });
  bindings.put(bindingOf(network, made));
}

/** A network that is there already; throws where it is another than was asked for. */
function joined(shared: NetworkIntent, pools: readonly PoolData[], asked: string | undefined): NetworkIntent {
  if (asked !== undefined && asked !== shared.name)
    throw new EngineError("conflict", `the subnet is that of network ${shared.name} of the cluster, not of ${asked}`);
  if (pools.some(({ subnet }) => poolWith(shared, subnet) === undefined))
    throw new EngineError("conflict", `not all of the subnets are network ${shared.name}'s of the cluster`);
  return shared;
}

/** As it was leased when dockerd asked for it. */
function pendingPool(bindings: Bindings, { subnet }: PoolData): PendingPool {
  const found = bindings.pending().find((pool) => samePrefix(pool.subnet, networkOf(subnet)));
  if (found !== undefined) return found;
  throw new EngineError("conflict", `subnet ${formatPrefix(subnet)} was not leased for the network; create it again`);
}

function bindingOf({ networkId }: NetworkRequest, network: NetworkIntent): Binding {
  const { name, pools, internal, options } = network;
  const driver = network.driver === "bridge" ? "bridge" : "overlay";
  return { networkId, driver, name, pools: pools.map(boundPool), internal, options };
}

async function deleteNetwork(parts: NetworkParts, networkId: string): Promise<void> {
  const { controller, bindings, kernel } = parts;
  const binding = bindings.get(networkId);
  if (binding === undefined) return;
  if (binding.driver === "bridge") {
    const bridge = controller.findNetwork(binding.name);
    await controller.removeNetwork(bridge.id);
    await letThroughNoMore(kernel, bridge);
    return bindings.remove(networkId);
  }
  bindings.remove(networkId);
  const shared = networkOfPool(controller, binding.pools[0]?.poolId ?? "");
  if (shared !== undefined) await leaveShared(parts, shared.id);
}

async function createEndpoint(
  { controller, bindings, kernel }: NetworkParts,
  { networkId, endpointId, interface: asked }: EndpointRequest,
): Promise<EndpointAddresses> {
  const network = await boundNetwork({ controller, bindings }, { networkId });
  if (network.driver === "bridge") await letThrough(kernel, network);
  const addresses = [asked.address, asked.addressIPv6].filter((address) => address !== undefined);
  const isInside = addresses.every(({ address }) =>
    network.pools.some(({ subnet }) => subnet !== undefined && prefixContains(subnet, address)),
  );
  if (addresses.length === 0 || !isInside)
    throw new EngineError("invalid-argument", `the endpoint has no address of network ${network.name}`);
  const spec = present({ id: endpointId, networkId: network.id, mac: asked.mac, addresses });
  const { mac } = await controller.lending.createEndpoint(spec);
  return asked.mac === undefined ? present({ mac }) : {};
}

async function join({ controller, bindings, onJoin }: NetworkParts, endpoint: JoinRequest): Promise<JoinAnswer> {
  bindings.demand(endpoint.networkId);
  const { interfaceName, interfacePrefix, routes } = await controller.lending.join(
    endpoint.endpointId,
    endpoint.sandboxKey,
  );
  onJoin(endpoint.endpointId);
  return { interface: { sourceName: interfaceName, prefix: interfacePrefix }, routes };
}
