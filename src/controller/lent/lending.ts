/**
 * What another engine is provided with that uses ours as its plugin: pools and addresses of networks that hosts share,
 * endpoints on them, and names. Each part is told in the file of its name; this one is the table of contents.
 */
import type { Family, IpAddress } from "../../addr/ip-address.ts";
import type { Prefix } from "../../addr/prefix.ts";
import { EngineError } from "../../base/errors.ts";
import type { EndpointIntent } from "../../drivers/intent.ts";
import { HOST } from "../../kernel/facts.ts";
import { present } from "../../store/record-reader.ts";
import { prefixesInUse } from "../lease-pools.ts";
import type { World } from "../world.ts";
import { comeBack, endLentEndpoint, handOver, lendEndpoint, type HandedOver, type LentSpec } from "./lent-endpoints.ts";
import { forgetLentName, nameLentEndpoint, restoreLentNames, type LentNames } from "./lent-names.ts";
import { LostLentWatch } from "./lost-lent.ts";
import { LentResolvers } from "./lent-resolvers.ts";

export type { HandedOver, LentNames, LentSpec };
export { LENT_RESOLVER } from "./lent-resolvers.ts";

export interface LentPoolRequest {
  readonly family: Family;
  readonly subnet?: Prefix;
  readonly range?: Prefix;
  /** "local": of this host alone. The cluster's when left out. */
  readonly scope?: "local" | "global";
}

export interface LentPool {
  readonly id: string;
  readonly subnet: Prefix;
  readonly gateway: IpAddress;
}

export interface LentAddressRequest {
  readonly address?: IpAddress;
  readonly purpose: "gateway" | "endpoint";
}

/** Docker's default address management, which on a host of a cluster knows the cluster's pools. */
const IPAM = "default";

export class Lending implements AsyncDisposable {
  readonly #world: World;
  readonly #resolvers: LentResolvers;
  readonly #lost: LostLentWatch;

  constructor(world: World) {
    this.#world = world;
    this.#resolvers = new LentResolvers(world);
    this.#lost = new LostLentWatch(world, ({ id, lent }) => this.#afterwards(id, lent?.sandboxKey));
  }

  /** Names and resolvers of the endpoints that are lent since before; from now on lost ones are looked for. */
  async restore(): Promise<void> {
    await restoreLentNames(this.#world);
    await this.#resolvers.restore();
    this.#lost.open();
  }

  /** Looks for endpoints whose sandbox is gone although nobody gave them back; those gone for the second time are ended. */
  lookForLost(): Promise<void> {
    return this.#lost.look();
  }

  /** A subnet that no network of the cluster, or of this host, has, with its gateway's address: the one asked for, or the next free. */
  async requestPool({ scope = "global", ...request }: LentPoolRequest): Promise<LentPool> {
    const ipam = this.#world.ipamDriver(IPAM);
    const reserved = request.subnet === undefined ? await this.#avoided() : [];
    const { id, subnet } = await ipam.requestPool({ ...request, addressSpace: scope, options: {}, reserved });
    try {
      const gateway = await ipam.requestAddress(id, { purpose: "gateway" });
      if (gateway === undefined) throw new EngineError("internal", `pool ${id} has no address for a gateway`);
      return { id, subnet, gateway: gateway.address };
    } catch (cause) {
      await ipam.releasePool(id);
      throw cause;
    }
  }

  /** Accepts absence. Not of a pool that a network has: that goes with its network. */
  releasePool(id: string): Promise<void> {
    return this.#world.ipamDriver(IPAM).releasePool(id);
  }

  async requestAddress(poolId: string, request: LentAddressRequest): Promise<Prefix> {
    const leased = await this.#world.ipamDriver(IPAM).requestAddress(poolId, present({ ...request }));
    if (leased === undefined) throw new EngineError("internal", `pool ${poolId} has no addresses`);
    return leased;
  }

  releaseAddress(poolId: string, address: IpAddress): Promise<void> {
    return this.#world.ipamDriver(IPAM).releaseAddress(poolId, address);
  }

  /** Endpoints that are lent, those that are in no sandbox included. */
  endpoints(): readonly EndpointIntent[] {
    const entries = this.#world.registry.endpoints();
    return entries.map(({ intent }) => intent).filter(({ lent }) => lent !== undefined);
  }

  createEndpoint(spec: LentSpec): Promise<EndpointIntent> {
    return lendEndpoint(this.#world, spec);
  }

  async join(id: string, sandboxKey: string): Promise<HandedOver> {
    const handed = await handOver(this.#world, id, sandboxKey);
    this.#resolvers.expect(sandboxKey);
    return handed;
  }

  async leave(id: string): Promise<void> {
    const sandboxKey = this.#sandboxOf(id);
    await comeBack(this.#world, id);
    await this.#afterwards(id, sandboxKey);
  }

  async removeEndpoint(id: string): Promise<void> {
    const sandboxKey = this.#sandboxOf(id);
    await endLentEndpoint(this.#world, id);
    await this.#afterwards(id, sandboxKey);
  }

  nameEndpoint(id: string, names: LentNames): Promise<void> {
    return nameLentEndpoint(this.#world, id, names);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lost[Symbol.asyncDispose]();
    await this.#resolvers[Symbol.asyncDispose]();
  }

  /** dockerd asks for another pool for as long as what it got overlaps any route of the host. */
  async #avoided(): Promise<readonly Prefix[]> {
    return [...(await prefixesInUse(this.#world)), ...(await this.hostRoutes())];
  }

  /** What the host has routes to, default routes aside. */
  async hostRoutes(): Promise<readonly Prefix[]> {
    const { routes } = await this.#world.kernel.observe(HOST);
    return routes.map(({ destination }) => destination).filter(({ length }) => length > 0);
  }

  #sandboxOf(id: string): string | undefined {
    return this.#world.registry.endpoint(id)?.intent.lent?.sandboxKey;
  }

  async #afterwards(id: string, sandboxKey: string | undefined): Promise<void> {
    if (sandboxKey === undefined) return;
    await forgetLentName(this.#world, id);
    await this.#resolvers.refresh(sandboxKey);
  }
}
