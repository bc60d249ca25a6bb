/** The calls of an IPAM driver, each answered by its handler. */
import { formatPrefix, tryParsePrefix } from "../addr/prefix.ts";
import {
  ENDPOINT_MAC,
  ENDPOINT_NAME,
  GATEWAY,
  IPAM_DRIVER as CALLS,
  REQUEST_ADDRESS_TYPE,
  type AddressWish,
  type PoolWish,
} from "../drivers/remote/protocol/ipam-driver.ts";
import { present } from "../store/record-reader.ts";
import type { AddressRequest, IpamDriverHandlers, PoolRequest } from "./ipam-driver.ts";
import { method, type Method } from "./method.ts";
import { addressOf, macOf, optional, prefixOf } from "./wire-text.ts";

/** `name` is the plugin's. */
export function ipamDriverMethods(name: string, driver: IpamDriverHandlers): readonly Method[] {
  const { requiresMac = false, requiresReplay = false } = driver.capabilities ?? {};
  const { local = `${name}local`, global = `${name}global` } = driver.defaultAddressSpaces ?? {};
  return [
    method(CALLS.GetCapabilities, () => ({ RequiresMACAddress: requiresMac, RequiresRequestReplay: requiresReplay })),
    method(CALLS.GetDefaultAddressSpaces, () => ({
      LocalDefaultAddressSpace: local,
      GlobalDefaultAddressSpace: global,
    })),
    method(CALLS.RequestPool, async (wish) => {
      const { poolId, subnet, gateway } = await driver.requestPool(poolRequest(wish));
      const Data: Readonly<Record<string, string>> = gateway === undefined ? {} : { [GATEWAY]: formatPrefix(gateway) };
      return { PoolID: poolId, Pool: formatPrefix(subnet), Data };
    }),
    method(CALLS.ReleasePool, async ({ PoolID }) => {
      await driver.releasePool({ poolId: PoolID });
      return {};
    }),
    method(CALLS.RequestAddress, async (wish) => ({
      Address: formatPrefix(await driver.requestAddress(addressRequest(wish))),
      Data: {},
    })),
    method(CALLS.ReleaseAddress, async ({ PoolID, Address }) => {
      // Docker's documents show a bare address, and old daemons send one with its length.
      const address = tryParsePrefix(Address)?.address ?? addressOf(Address, "Address");
      await driver.releaseAddress({ poolId: PoolID, address });
      return {};
    }),
  ];
}

function poolRequest({ AddressSpace, Pool, SubPool, Options, V6 }: PoolWish): PoolRequest {
  return present({
    addressSpace: AddressSpace,
    family: V6 ? (6 as const) : (4 as const),
    subnet: optional(Pool, "Pool", prefixOf),
    range: optional(SubPool, "SubPool", prefixOf),
    options: Options,
  });
}

function addressRequest({ PoolID, Address, Options }: AddressWish): AddressRequest {
  return present({
    poolId: PoolID,
    address: optional(Address, "Address", addressOf),
    purpose: Options[REQUEST_ADDRESS_TYPE] === GATEWAY ? ("gateway" as const) : ("endpoint" as const),
    endpointName: Options[ENDPOINT_NAME],
    mac: optional(Options[ENDPOINT_MAC], ENDPOINT_MAC, macOf),
    options: Options,
  });
}
