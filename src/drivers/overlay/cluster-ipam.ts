/**
 * The IPAM driver "default" on a host of a cluster: pools of networks that span hosts, and addresses from them, are the cluster's
 * (`cluster/cluster.ts`); all others are this host's own, as ever. Drivers and users see one driver.
 */
import { randomBytes } from "node:crypto";
import type { IpAddress } from "../../addr/ip-address.ts";
import type { Prefix } from "../../addr/prefix.ts";
import type { Cluster, ClusterAddresses } from "../../cluster/cluster.ts";
import { NoAvailableAddresses } from "../../ipam/ipam-errors.ts";
import type { AddressRequest, IpamDriver, Pool, PoolRequest } from "../../ipam/ipam.ts";
import { parsePoolId } from "../../ipam/pool-id.ts";
import { present } from "../../store/record-reader.ts";

/** `local` as it is where there is no cluster. */
export function withClusterSpace(local: IpamDriver, cluster: Pick<Cluster, "addresses"> | undefined): IpamDriver {
  return cluster === undefined ? local : new ClusterIpam(local, cluster.addresses);
}

class ClusterIpam implements IpamDriver {
  readonly name: string;
  readonly #local: IpamDriver;
  readonly #shared: ClusterAddresses;

  constructor(local: IpamDriver, shared: ClusterAddresses) {
    this.name = local.name;
    this.#local = local;
    this.#shared = shared;
  }

  async requestPool(request: PoolRequest): Promise<Pool> {
    if (request.addressSpace === "local") return this.#local.requestPool(request);
    const { family, subnet, range, reserved } = request;
    return this.#shared.requestPool(present({ family, subnet, range, reserved }));
  }

  async releasePool(poolId: string): Promise<void> {
    if (isShared(poolId)) await this.#shared.releasePool(poolId);
    else await this.#local.releasePool(poolId);
  }

  async requestAddress(poolId: string, request: AddressRequest): Promise<Prefix | undefined> {
    if (!isShared(poolId)) return this.#local.requestAddress(poolId, request);
    const { address: wanted, again } = request;
    const leased = await this.#shared.requestAddress(
      poolId,
      present({ address: wanted, holder: holderOf(request), again }),
    );
    if (leased === undefined) throw new NoAvailableAddresses();
    return { address: leased, length: parsePoolId(poolId).subnet.length };
  }

  async releaseAddress(poolId: string, address: IpAddress): Promise<void> {
    if (isShared(poolId)) await this.#shared.releaseAddress(poolId, address);
    else await this.#local.releaseAddress(poolId, address);
  }
}

/** Throws `invalid-argument` for what is no pool id. */
function isShared(poolId: string): boolean {
  return parsePoolId(poolId).addressSpace === "global";
}

/** Each endpoint's lease is told from every other, so that none is had twice. */
function holderOf({ purpose }: AddressRequest): string {
  return purpose === "endpoint" ? `endpoint-${randomBytes(6).toString("hex")}` : purpose;
}
