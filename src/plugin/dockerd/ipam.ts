/**
 * Our address management as dockerd asks for it. dockerd asks for a network's pool before it says anything else of it, so that
 * is where hosts must agree: by the network's name in the cluster (`--ipam-opt causeway.network=NAME`), or by the subnet.
 */
import { formatAddress, sameAddress } from "../../addr/ip-address.ts";
import { formatPrefix, samePrefix, type Prefix } from "../../addr/prefix.ts";
import { EngineError } from "../../base/errors.ts";
import type { Controller } from "../../controller/controller.ts";
import type { NetworkIntent } from "../../drivers/intent.ts";
import { present } from "../../store/record-reader.ts";
import type { AddressRequest, IpamDriverHandlers, LeasedPool, PoolRequest } from "../ipam-driver.ts";
import type { Bindings, BoundPool, PendingPool } from "./bindings.ts";
import { checkDriver, checkNetworkName, DRIVER_OPTION, NETWORK_OPTION, type DriverName } from "./options.ts";
import {
  boundNetwork,
  boundPool,
  formatSubnets,
  networkOfPool,
  poolWith,
  refuseOverlap,
  sharedNetworkNamed,
  sharedNetworkWith,
} from "./shared-network.ts";

/** Networks whose pools are not of this space have another address management, and no addresses of the cluster's. */
export const ADDRESS_SPACE = "causeway";

export interface IpamParts {
  readonly controller: Controller;
  readonly bindings: Bindings;
  /** Of networks that say nothing else. */
  readonly driver: DriverName;
}

export function ipamHandlers({ controller, bindings, driver: usual }: IpamParts): IpamDriverHandlers {
  return {
    defaultAddressSpaces: { local: ADDRESS_SPACE, global: ADDRESS_SPACE },
    requestPool: async (pool) => {
      const driver = checkDriver(pool.options[DRIVER_OPTION]) ?? usual;
      if (driver === "bridge") return localPool(controller, bindings, pool);
      return requestPool(controller, bindings, pool);
    },
    releasePool: async ({ poolId }) => {
      bindings.removePending(poolId);
      if (networkOfPool(controller, poolId) === undefined) await controller.lending.releasePool(poolId);
    },
    requestAddress: (address) => requestAddress(controller, bindings, address),
    releaseAddress: async ({ poolId, address }) => {
      const network = networkOfPool(controller, poolId);
      const isGateway = network?.pools.some(({ gateway }) => gateway !== undefined && sameAddress(gateway, address));
      if (isGateway === true) return;
      await controller.lending.releaseAddress(poolId, address);
      bindings.removeLease({ poolId, address });
    },
  };
}

async function localPool(controller: Controller, bindings: Bindings, request: PoolRequest): Promise<LeasedPool> {
  const { family, subnet, range } = request;
  const leased = await controller.lending.requestPool(present({ family, subnet, range, scope: "local" as const }));
  const pool: PendingPool = { ...leased, poolId: leased.id, family };
  bindings.putPending(pool);
  return answered(pool);
}

async function requestPool(controller: Controller, bindings: Bindings, request: PoolRequest): Promise<LeasedPool> {
  const { family, subnet, range, options } = request;
  const name = checkNetworkName(options[NETWORK_OPTION]);
  const named = name === undefined ? undefined : sharedNetworkNamed(controller, name);
  const network = named ?? (subnet === undefined ? undefined : sharedNetworkWith(controller, subnet));
  if (network !== undefined) return poolOf(controller, network, request);
  if (name === undefined && subnet === undefined) {
    throw new EngineError(
      "invalid-argument",
      `say which network of the cluster this is: --ipam-opt ${NETWORK_OPTION}=NAME, the same on every host`,
    );
  }
  const leased = await controller.lending.requestPool(present({ family, subnet, range }));
  const pool: PendingPool = present({ ...leased, poolId: leased.id, family, name });
  bindings.putPending(pool);
  return answered(pool);
}

function answered({ poolId, subnet, gateway }: BoundPool): LeasedPool {
  return { poolId, subnet, gateway: { address: gateway, length: subnet.length } };
}

/** Of a network that the cluster has: its subnet of the family, which may be asked for by its number too. */
async function poolOf(controller: Controller, network: NetworkIntent, request: PoolRequest): Promise<LeasedPool> {
  const { family, subnet, range } = request;
  const asked = subnet === undefined || subnet.address.value === 0n ? undefined : subnet;
  const found = asked === undefined ? network.pools.find((pool) => pool.family === family) : poolWith(network, asked);
  if (found === undefined) {
    const what = asked === undefined ? `no IPv${family} subnet` : `no subnet ${formatPrefix(asked)}`;
    throw new EngineError(
      "invalid-argument",
      `network ${network.name} of the cluster has ${what}: it has ${formatSubnets(network)}`,
    );
  }
  if (range !== undefined && (found.range === undefined || !samePrefix(found.range, range))) {
    throw new EngineError(
      "invalid-argument",
      `network ${network.name} of the cluster has no range ${formatPrefix(range)}: leave --ip-range out`,
    );
  }
  const pool = boundPool(found);
  if (asked === undefined) await refuseOverlap(controller, network, pool.subnet);
  return answered(pool);
}

async function requestAddress(controller: Controller, bindings: Bindings, request: AddressRequest): Promise<Prefix> {
  const { poolId, address, purpose } = request;
  const binding = bindings.ofPool(poolId);
  if (binding !== undefined) await boundNetwork({ controller, bindings }, binding);
  const network = networkOfPool(controller, poolId);
  const pool = network?.pools.find((each) => each.poolId === poolId);
  if (purpose === "gateway" && network !== undefined && pool !== undefined) {
    const { gateway, subnet } = boundPool(pool);
    if (address === undefined || sameAddress(address, gateway)) return { address: gateway, length: subnet.length };
    throw new EngineError(
      "invalid-argument",
      `the gateway of network ${network.name} of the cluster is ${formatAddress(gateway)}: leave --gateway out`,
    );
  }
  const leased = await controller.lending.requestAddress(poolId, present({ address, purpose }));
  if (purpose === "gateway") await moveGateway(controller, bindings, { poolId, gateway: leased.address });
  // Of a network that is being made these are --aux-address, which no container ever has.
  else if (binding !== undefined) bindings.putLease({ poolId, address: leased.address });
  return leased;
}

/**
 * Start-up: addresses that dockerd asked for and has no endpoint with, because it or we ended between two calls. An endpoint
 * that is made with one of them after all leases it anew.
 */
export async function releaseStrayLeases({ lending }: Controller, bindings: Bindings): Promise<void> {
  const used = lending.endpoints().flatMap(({ addresses }) => addresses.map(({ address }) => address));
  const stray = bindings.leases().filter(({ address }) => !used.some((each) => sameAddress(each, address)));
  for (const lease of stray) {
    await lending.releaseAddress(lease.poolId, lease.address);
    bindings.removeLease(lease);
  }
}

/** `--gateway`: instead of the one that the pool came with. */
async function moveGateway(
  { lending }: Controller,
  bindings: Bindings,
  { poolId, gateway }: Pick<BoundPool, "poolId" | "gateway">,
): Promise<void> {
  const pool = bindings.pending().find((each) => each.poolId === poolId);
  if (pool === undefined || sameAddress(pool.gateway, gateway)) return;
  bindings.putPending({ ...pool, gateway });
  await lending.releaseAddress(poolId, pool.gateway);
}
