/**
 * One address space of one family: the subnets handed out and the addresses leased from each. Overlap follows Docker to the
 * letter: a subnet without a range must not overlap any other; one with a range skips that check and may share its parent
 * with pools of other ranges (moby issue 46756), whose addresses then come from one set and never collide.
 */
import type { IpAddress } from "../addr/ip-address.ts";
import { comparePrefixes, formatPrefix, lastAddress, prefixContains, prefixesOverlap } from "../addr/prefix.ts";
import type { Prefix } from "../addr/prefix.ts";
import { AddressSet } from "../addr/address-set.ts";
import { addressInUse, addressOutOfRange, invalidPool, NoAvailableAddresses } from "./ipam-errors.ts";
import { poolOverlaps, poolsUsedUp } from "./ipam-errors.ts";
import { chooseSubnet, type SplitPool } from "../addr/subnet-choice.ts";

interface Subnet {
  readonly prefix: Prefix;
  /** Every address that is not to be given out, whoever leased it. */
  readonly leased: AddressSet;
  /** Who has the subnet, and what each leased: the text of a range, or WHOLE. */
  readonly holders: Map<string, AddressSet>;
}

const WHOLE = "";

export class AddressSpace {
  readonly #pools: readonly SplitPool[];
  readonly #subnets = new Map<string, Subnet>();

  constructor(pools: readonly SplitPool[]) {
    this.#pools = pools;
  }

  /** Takes the lowest free default subnet, of length `size` where given. */
  allocateAny(reserved: readonly Prefix[], size?: number): Prefix {
    const pools = size === undefined ? this.#pools : resize(this.#pools, size);
    if (pools.length === 0) throw invalidPool();
    const prefix = chooseSubnet(pools, [...this.#prefixes(), ...reserved]);
    if (prefix === undefined) throw poolsUsedUp();
    this.#create(prefix).holders.set(WHOLE, new AddressSet());
    return prefix;
  }

  /** Takes this subnet, or a range of it. */
  allocate(prefix: Prefix, range: Prefix | undefined): void {
    const existing = this.#subnets.get(formatPrefix(prefix));
    const clashes =
      range === undefined
        ? this.#prefixes().some((other) => prefixesOverlap(other, prefix))
        : existing?.holders.has(formatPrefix(range)) === true;
    if (clashes) throw poolOverlaps();
    (existing ?? this.#create(prefix)).holders.set(holderOf(range), new AddressSet());
  }

  /** Accepts absence. What this holder leased is free again; the subnet itself goes with its last holder. */
  release(prefix: Prefix, range: Prefix | undefined): void {
    const subnet = this.#subnets.get(formatPrefix(prefix));
    const leases = subnet?.holders.get(holderOf(range));
    if (subnet === undefined || leases === undefined) return;
    subnet.holders.delete(holderOf(range));
    if (subnet.holders.size === 0) this.#subnets.delete(formatPrefix(prefix));
    else subnet.leased.removeAll(leases);
  }

  /** Leases the wanted address, or the lowest free one of the range. Undefined when there is no such pool. */
  lease(prefix: Prefix, range: Prefix | undefined, wanted: IpAddress | undefined): IpAddress | undefined {
    const subnet = this.#subnets.get(formatPrefix(prefix));
    const leases = subnet?.holders.get(holderOf(range));
    if (subnet === undefined || leases === undefined) return undefined;
    if (wanted !== undefined && !prefixContains(prefix, wanted)) throw addressOutOfRange();
    const value = wanted?.value ?? lowestFree(subnet, range ?? prefix);
    if (value === undefined) throw new NoAvailableAddresses();
    if (!subnet.leased.add(value)) throw addressInUse();
    leases.add(value);
    return { family: prefix.address.family, value };
  }

  /** Accepts absence of the pool and of the lease. */
  unlease(prefix: Prefix, range: Prefix | undefined, address: IpAddress): void {
    if (!prefixContains(prefix, address)) return;
    const subnet = this.#subnets.get(formatPrefix(prefix));
    const leases = subnet?.holders.get(holderOf(range));
    if (leases?.remove(address.value) === true) subnet?.leased.remove(address.value);
  }

  /** The subnets handed out, in address order. */
  subnets(): readonly Prefix[] {
    return this.#prefixes().sort(comparePrefixes);
  }

  #prefixes(): Prefix[] {
    return [...this.#subnets.values()].map(({ prefix }) => prefix);
  }

  #create(prefix: Prefix): Subnet {
    const subnet: Subnet = { prefix, leased: new AddressSet(), holders: new Map() };
    for (const value of unusable(prefix)) subnet.leased.add(value);
    this.#subnets.set(formatPrefix(prefix), subnet);
    return subnet;
  }
}

function holderOf(range: Prefix | undefined): string {
  return range === undefined ? WHOLE : formatPrefix(range);
}

function lowestFree(subnet: Subnet, within: Prefix): bigint | undefined {
  return subnet.leased.lowestFree(within.address.value, lastAddress(within).value);
}

/**
 * The addresses that nobody may have: IPv4's network and broadcast, except in a /31 (RFC 3021) or /32; IPv6's first, the
 * subnet-router anycast address (RFC 4291, 2.6.1).
 */
function unusable(prefix: Prefix): readonly bigint[] {
  const first = prefix.address.value;
  if (prefix.address.family === 6) return [first];
  return prefix.length >= 31 ? [] : [first, lastAddress(prefix).value];
}

function resize(pools: readonly SplitPool[], size: number): readonly SplitPool[] {
  return pools.filter(({ base }) => base.length <= size).map(({ base }) => ({ base, size }));
}
