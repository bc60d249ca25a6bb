/**
 * What an IPAM driver of one's own is asked (`docker network create --ipam-driver NAME`): the calls of the remote IPAM protocol
 * (libnetwork `docs/ipam.md`) as functions over values. `servePlugin` checks every request first. The daemon keeps no record of
 * leases besides its networks and endpoints: what is leased is the driver's to remember, across its own restarts too.
 */
import type { Family, IpAddress } from "../addr/ip-address.ts";
import type { MacAddress } from "../addr/mac-address.ts";
import type { Prefix } from "../addr/prefix.ts";

type Answer<T> = T | Promise<T>;

export interface IpamDriverHandlers {
  /** Neither is required when left out. */
  readonly capabilities?: {
    /** Addresses depend on the endpoint's MAC: it is then chosen before the address is asked for. */
    readonly requiresMac: boolean;
    /** The daemon repeats its requests when it starts (dockerd of old did). */
    readonly requiresReplay: boolean;
  };

  /** Names of the spaces that pools are asked from when the user names none: `NAMElocal` and `NAMEglobal` when left out. */
  readonly defaultAddressSpaces?: { readonly local: string; readonly global: string };

  /**
   * A subnet for a network: the one asked for, or one of the driver's choice. The daemon asks again, and releases what it got
   * before, where the choice overlaps the host's routes.
   */
  requestPool(pool: PoolRequest): Answer<LeasedPool>;

  releasePool(pool: { readonly poolId: string }): Answer<void>;

  /** The address asked for, or a free one. Throwing is the answer when there is none. */
  requestAddress(address: AddressRequest): Answer<Prefix>;

  releaseAddress(address: { readonly poolId: string; readonly address: IpAddress }): Answer<void>;
}

export interface PoolRequest {
  readonly addressSpace: string;
  readonly family: Family;
  /** `--subnet`. */
  readonly subnet?: Prefix;
  /** `--ip-range`: where addresses are to come from. */
  readonly range?: Prefix;
  /** `--ipam-opt KEY=VALUE`. */
  readonly options: Readonly<Record<string, string>>;
}

export interface LeasedPool {
  /** Whatever text the driver knows it by. */
  readonly poolId: string;
  readonly subnet: Prefix;
  /** Set where the driver decides the gateway; otherwise the daemon asks for an address for it. */
  readonly gateway?: Prefix;
}

export interface AddressRequest {
  readonly poolId: string;
  /** `--ip`, `--gateway`; absent: any. */
  readonly address?: IpAddress;
  readonly purpose: "gateway" | "endpoint";
  /** Of the container, where the daemon says it. */
  readonly endpointName?: string;
  /** Said to drivers that require it. */
  readonly mac?: MacAddress;
  readonly options: Readonly<Record<string, string>>;
}
