/**
 * Address management by a plugin (`IpamDriver` over the remote protocol, libnetwork `ipams/remote`). The plugin keeps the
 * accounts and remembers them; what it held before a restart is asked for again only where it says so.
 */
import { formatAddress, type IpAddress } from "../../addr/ip-address.ts";
import { formatMac } from "../../addr/mac-address.ts";
import { formatPrefix, prefixesOverlap, tryParsePrefix, type Prefix } from "../../addr/prefix.ts";
import { EngineError } from "../../base/errors.ts";
import type { AddressRequest, IpamDriver, IpamNeeds, Pool, PoolRequest } from "../../ipam/ipam.ts";
import { NoAvailableAddresses, poolsUsedUp } from "../../ipam/ipam-errors.ts";
import { present } from "../../store/record-reader.ts";
import type { Plugin } from "./plugin.ts";
import * as wire from "./protocol/ipam-driver.ts";
import { IPAM_DRIVER_INTERFACE } from "./protocol/protocol.ts";

/** How many pools that overlap with the host's networks are put aside before the plugin is taken to have no other. */
const MAX_PASSED_OVER = 64;

/** The sentence of an IPAM driver that is full, on which the next pool is tried. */
const FULL = "remote: no available addresses on this pool";

interface Known {
  readonly needs: IpamNeeds;
  readonly spaces: wire.AddressSpaces;
}

export class RemoteIpam implements IpamDriver {
  readonly name: string;
  readonly #plugin: Plugin;
  #known: Promise<Known> | undefined;

  constructor(plugin: Plugin) {
    this.name = plugin.name;
    this.#plugin = plugin;
  }

  /** Asks the program what it is, once. Throws what `Plugin` throws. */
  async contact(): Promise<void> {
    await this.#ask();
  }

  async needs(): Promise<IpamNeeds> {
    return (await this.#ask()).needs;
  }

  /** The plugin's name for the addresses of one host or of a cluster. */
  async addressSpace(scope: PoolRequest["addressSpace"]): Promise<string> {
    const { spaces } = await this.#ask();
    return scope === "local" ? spaces.LocalDefaultAddressSpace : spaces.GlobalDefaultAddressSpace;
  }

  #ask(): Promise<Known> {
    this.#known ??= this.#askNow().catch((cause: unknown) => {
      this.#known = undefined;
      throw cause;
    });
    return this.#known;
  }

  /** Older drivers do not know `GetCapabilities`, and dockerd takes any failure of it for that. */
  async #askNow(): Promise<Known> {
    await this.#plugin.demand(IPAM_DRIVER_INTERFACE);
    const capabilities = await this.#plugin.call(wire.IPAM_DRIVER.GetCapabilities, {}).catch(() => undefined);
    const spaces = await this.#plugin.call(wire.IPAM_DRIVER.GetDefaultAddressSpaces, {}).catch((cause: unknown) => {
      throw EngineError.wrap(cause, `invalid ipam driver: "${this.name}": failed to return default address spaces`);
    });
    const { RequiresMACAddress: mac = false, RequiresRequestReplay: replay = false } = capabilities ?? {};
    return { needs: { mac, replay }, spaces };
  }

  /** A pool by the plugin's choice that overlaps with a network of the host is kept until another one is found. */
  async requestPool(request: PoolRequest): Promise<Pool> {
    const passedOver: string[] = [];
    try {
      for (;;) {
        const pool = await this.#requestPool(request);
        const isFree = !request.reserved.some((other) => prefixesOverlap(other, pool.subnet));
        if (request.subnet !== undefined || request.addressSpace === "global" || isFree) return pool;
        passedOver.push(pool.id);
        if (passedOver.length >= MAX_PASSED_OVER) throw poolsUsedUp();
      }
    } finally {
      for (const id of passedOver) await this.#release(id).catch(() => undefined);
    }
  }

  async #requestPool({ family, addressSpace, subnet, range, options }: PoolRequest): Promise<Pool> {
    const answer = await this.#plugin.call(wire.IPAM_DRIVER.RequestPool, {
      AddressSpace: await this.addressSpace(addressSpace),
      Pool: subnet === undefined ? "" : formatPrefix(subnet),
      SubPool: range === undefined ? "" : formatPrefix(range),
      Options: options,
      V6: family === 6,
    });
    try {
      return this.#readPool(answer, family);
    } catch (cause) {
      await this.#release(answer.PoolID).catch(() => undefined);
      throw cause;
    }
  }

  #readPool({ PoolID, Pool: text, Data }: wire.LeasedPool, family: PoolRequest["family"]): Pool {
    const subnet = tryParsePrefix(text);
    if (subnet === undefined) throw this.#failed("RequestPool", `invalid CIDR address: ${text}`);
    if (subnet.address.family !== family) throw this.#failed("RequestPool", `${text} is no IPv${family} pool`);
    const gatewayText = Data[wire.GATEWAY];
    const gateway = gatewayText === undefined ? undefined : tryParsePrefix(gatewayText);
    if (gatewayText !== undefined && gateway === undefined) {
      throw this.#failed("RequestPool", `invalid gateway: ${gatewayText}`);
    }
    return present({ id: PoolID, subnet, gateway });
  }

  async releasePool(poolId: string, held: readonly IpAddress[] = []): Promise<void> {
    const failures: unknown[] = [];
    for (const address of held) {
      await this.releaseAddress(poolId, address).catch((cause: unknown) => void failures.push(cause));
    }
    await this.#release(poolId);
    if (failures.length > 0) throw failures[0];
  }

  async #release(poolId: string): Promise<void> {
    await this.#plugin.call(wire.IPAM_DRIVER.ReleasePool, { PoolID: poolId });
  }

  async requestAddress(poolId: string, request: AddressRequest): Promise<Prefix | undefined> {
    const answer = await this.#requestAddress(poolId, request);
    if (answer.Address === "") throw this.#failed("RequestAddress", "no address returned");
    const prefix = tryParsePrefix(answer.Address);
    if (prefix === undefined) throw this.#failed("RequestAddress", `invalid CIDR address: ${answer.Address}`);
    return prefix;
  }

  async #requestAddress(poolId: string, { address, purpose, mac }: AddressRequest): Promise<wire.LeasedAddress> {
    const { needs } = await this.#ask();
    const options =
      purpose === "gateway"
        ? { [wire.REQUEST_ADDRESS_TYPE]: wire.GATEWAY }
        : mac !== undefined && needs.mac
          ? { [wire.ENDPOINT_MAC]: formatMac(mac) }
          : {};
    const wish = { PoolID: poolId, Address: address === undefined ? "" : formatAddress(address), Options: options };
    return this.#plugin.call(wire.IPAM_DRIVER.RequestAddress, wish).catch((cause: unknown) => {
      if (address === undefined && cause instanceof EngineError && cause.message === FULL) {
        throw new NoAvailableAddresses({ cause });
      }
      throw cause;
    });
  }

  async releaseAddress(poolId: string, address: IpAddress): Promise<void> {
    await this.#plugin.call(wire.IPAM_DRIVER.ReleaseAddress, { PoolID: poolId, Address: formatAddress(address) });
  }

  #failed(method: string, why: string): EngineError {
    return new EngineError("internal", `plugin ${this.name}: IpamDriver.${method}: ${why.slice(0, 200)}`);
  }
}
