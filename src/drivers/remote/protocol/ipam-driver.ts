/**
 * Calls of an IPAM driver (libnetwork `docs/ipam.md`). Pools and leased addresses are CIDR text, an address that is asked for
 * or given back is bare. Failures are told in `Error`, unlike a network driver's.
 */
import { callsOf, IPAM_DRIVER_INTERFACE, nothing } from "./protocol.ts";
import type { WireReader } from "./wire-reader.ts";

export interface IpamCapabilities {
  /** Whether `RequestAddress` shall name the endpoint's MAC. */
  readonly RequiresMACAddress: boolean;
  /** Whether what is held shall be asked for again when the daemon starts. */
  readonly RequiresRequestReplay: boolean;
}

export interface AddressSpaces {
  readonly LocalDefaultAddressSpace: string;
  readonly GlobalDefaultAddressSpace: string;
}

export interface PoolWish {
  readonly AddressSpace: string;
  /** Empty: any. */
  readonly Pool: string;
  /** Empty: the whole pool. */
  readonly SubPool: string;
  readonly Options: Readonly<Record<string, string>>;
  readonly V6: boolean;
}

export interface LeasedPool {
  readonly PoolID: string;
  readonly Pool: string;
  /** `com.docker.network.gateway`: the gateway that the driver insists on, CIDR text. */
  readonly Data: Readonly<Record<string, string>>;
}

export interface AddressWish {
  readonly PoolID: string;
  /** Empty: any. */
  readonly Address: string;
  readonly Options: Readonly<Record<string, string>>;
}

export interface LeasedAddress {
  readonly Address: string;
  readonly Data: Readonly<Record<string, string>>;
}

export interface PoolRef {
  readonly PoolID: string;
}

export interface AddressRef extends PoolRef {
  readonly Address: string;
}

/** Key in the answer's `Data`, and, as the value of `REQUEST_ADDRESS_TYPE`, what a gateway's address is asked for. */
export const GATEWAY = "com.docker.network.gateway";
export const REQUEST_ADDRESS_TYPE = "RequestAddressType";
/** Options of an endpoint's address. */
export const ENDPOINT_NAME = "com.docker.network.endpoint.name";
export const ENDPOINT_MAC = "com.docker.network.endpoint.macaddress";

const textMap = (reader: WireReader): Readonly<Record<string, string>> => reader.map((item) => item.text());
const poolRef = (reader: WireReader): PoolRef => ({ PoolID: reader.field("PoolID").text() });

const call = callsOf(IPAM_DRIVER_INTERFACE);

export const IPAM_DRIVER = {
  GetCapabilities: call("GetCapabilities", nothing, (reader): IpamCapabilities => ({
    RequiresMACAddress: reader.field("RequiresMACAddress").flag(),
    RequiresRequestReplay: reader.field("RequiresRequestReplay").flag(),
  })),
  GetDefaultAddressSpaces: call("GetDefaultAddressSpaces", nothing, (reader): AddressSpaces => ({
    LocalDefaultAddressSpace: reader.field("LocalDefaultAddressSpace").text(),
    GlobalDefaultAddressSpace: reader.field("GlobalDefaultAddressSpace").text(),
  })),
  RequestPool: call(
    "RequestPool",
    (reader): PoolWish => ({
      AddressSpace: reader.field("AddressSpace").text(),
      Pool: reader.field("Pool").text(),
      SubPool: reader.field("SubPool").text(),
      Options: textMap(reader.field("Options")),
      V6: reader.field("V6").flag(),
    }),
    (reader): LeasedPool => ({
      PoolID: reader.field("PoolID").text(),
      Pool: reader.field("Pool").text(),
      Data: textMap(reader.field("Data")),
    }),
  ),
  ReleasePool: call("ReleasePool", poolRef, nothing),
  RequestAddress: call(
    "RequestAddress",
    (reader): AddressWish => ({
      ...poolRef(reader),
      Address: reader.field("Address").text(),
      Options: textMap(reader.field("Options")),
    }),
    (reader): LeasedAddress => ({
      Address: reader.field("Address").text(),
      Data: textMap(reader.field("Data")),
    }),
  ),
  ReleaseAddress: call(
    "ReleaseAddress",
    (reader): AddressRef => ({ ...poolRef(reader), Address: reader.field("Address").text() }),
    nothing,
  ),
} as const;
