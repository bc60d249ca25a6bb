/**
 * Which host ports are given out, per protocol and address. Pure bookkeeping with Docker's rules: an unspecified address
 * stands for every address of its family, so it conflicts with each of them; a search begins after the last port handed out.
 */
import { formatAddress, isUnspecified, type IpAddress } from "../addr/ip-address.ts";
import type { PortRange } from "../addr/port-range.ts";
import type { PortProtocol } from "./ports.ts";

/** The value of 0.0.0.0 and of ::. */
const ANY = 0n;

export class PortTable {
  /** By protocol and family, then port: the addresses that have it, by value. */
  readonly #taken = new Map<string, Map<number, Set<bigint>>>();
  /** By protocol, addresses and range: where the next search begins. */
  readonly #next = new Map<string, number>();

  /** The address whose port is taken; undefined when it is free at all of them. */
  conflict(protocol: PortProtocol, addresses: readonly IpAddress[], port: number): IpAddress | undefined {
    return addresses.find((address) => {
      const holders = this.#taken.get(placeKey(protocol, address))?.get(port);
      if (holders === undefined || holders.size === 0) return false;
      return isUnspecified(address) || holders.has(address.value) || holders.has(ANY);
    });
  }

  take(protocol: PortProtocol, addresses: readonly IpAddress[], port: number): void {
    for (const address of addresses) {
      const key = placeKey(protocol, address);
      const ports = this.#taken.get(key) ?? new Map<number, Set<bigint>>();
      this.#taken.set(key, ports);
      const holders = ports.get(port) ?? new Set<bigint>();
      ports.set(port, holders.add(address.value));
    }
  }

  /** Accepts absence. */
  release(protocol: PortProtocol, addresses: readonly IpAddress[], port: number): void {
    for (const address of addresses) {
      const ports = this.#taken.get(placeKey(protocol, address));
      const holders = ports?.get(port);
      holders?.delete(address.value);
      if (holders?.size === 0) ports?.delete(port);
    }
  }

  /**
   * The next port of the range that is free at all of the addresses and not in `excluded`, from where the last search of the
   * same kind ended; undefined when there is none. It is not taken yet.
   */
  find(
    protocol: PortProtocol,
    addresses: readonly IpAddress[],
    range: PortRange,
    excluded: ReadonlySet<number>,
  ): number | undefined {
    const key = [protocol, ...addresses.map(formatAddress), range.first, range.last].join(" ");
    const count = range.last - range.first + 1;
    const start = this.#next.get(key) ?? range.first;
    for (let step = 0; step < count; step++) {
      const port = range.first + ((start - range.first + step) % count);
      if (excluded.has(port) || this.conflict(protocol, addresses, port) !== undefined) continue;
      this.#next.set(key, port + 1);
      return port;
    }
    return undefined;
  }
}

function placeKey(protocol: PortProtocol, address: IpAddress): string {
  return `${protocol} ${address.family}`;
}
