/**
 * Address management: pools and the addresses leased from them. The interface is Docker's IPAM driver (libnetwork
 * `ipamapi`), so that a remote plugin fits behind it; hence promises, though the built-in one answers at once and keeps
 * its state in memory only: the controller replays its intents at start.
 */
import type { Family, IpAddress } from "../addr/ip-address.ts";
import type { MacAddress } from "../addr/mac-address.ts";
import type { Prefix } from "../addr/prefix.ts";

export interface PoolRequest {
  readonly family: Family;
  /** "local": the pools of one host. "global": of a cluster. */
  readonly addressSpace: "local" | "global";
  /** The subnet asked for; without it the next free default pool is taken. `0.0.0.0/24` means: any free pool of that size. */
  readonly subnet?: Prefix;
  /** Only addresses in here are given out by choice; lies inside `subnet`. */
  readonly range?: Prefix;
  readonly options: Readonly<Record<string, string>>;
  /** Prefixes that an automatic choice must avoid: the host's on-link routes and its nameservers. */
  readonly reserved: readonly Prefix[];
}

export interface Pool {
  /** `LocalDefault/172.18.0.0/16` or `LocalDefault/172.18.0.0/16/172.18.5.0/24`. */
  readonly id: string;
  readonly subnet: Prefix;
  /** A gateway that the driver itself insists on. */
  readonly gateway?: Prefix;
}

export interface AddressRequest {
  /** This one and no other; may lie outside the range, not outside the subnet. */
  readonly address?: IpAddress;
  readonly purpose: "gateway" | "auxiliary" | "endpoint";
  /** Of the endpoint, for drivers that need it. */
  readonly mac?: MacAddress;
  /** The caller had it before, and has it still if the driver remembers that: no reason to refuse it. */
  readonly again?: boolean;
}

/** What a driver that is another program wants besides. */
export interface IpamNeeds {
  /** `AddressRequest.mac` with every endpoint's address. */
  readonly mac: boolean;
  /** What is held is requested again at start. */
  readonly replay: boolean;
}

export interface IpamDriver {
  readonly name: string;

  /** Only of a driver that is another program. Without it: no MAC, and a replay at every start. */
  needs?(): Promise<IpamNeeds>;

  /**
   * Errors: `forbidden` "invalid pool request: Pool overlaps with other one on this address space"; `invalid-argument` "all
   * predefined address pools have been fully subnetted". Both are Docker's sentences, complete.
   */
  requestPool(request: PoolRequest): Promise<Pool>;

  /**
   * Gives the pool back with everything leased from it. Accepts absence. `held`: the network's own addresses in it, for drivers
   * that want each of them back.
   */
  releasePool(poolId: string, held?: readonly IpAddress[]): Promise<void>;

  /**
   * Leases an address; its length is the subnet's. Undefined from a driver that holds no addresses (null). Errors:
   * `forbidden` "Address already in use"; the class `NoAvailableAddresses` (`ipam-errors.ts`) when all are leased, which the
   * caller completes with the network's name; `invalid-argument` when the address lies outside the subnet.
   */
  requestAddress(poolId: string, request: AddressRequest): Promise<Prefix | undefined>;

  /** Accepts absence. */
  releaseAddress(poolId: string, address: IpAddress): Promise<void>;
}
