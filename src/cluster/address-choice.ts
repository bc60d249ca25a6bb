/**
 * Which address comes next. Hosts that lease from one pool at once would all want the same one, and all but one be refused; so
 * each prefers addresses of its own: of N living hosts the one of rank r takes every Nth. Where its own are used up it takes
 * any that is free, looking from a place of its own, and at last those that rest, longest first. Pure.
 */

export interface AddressChoice {
  /** Inclusive. */
  readonly first: bigint;
  readonly last: bigint;
  readonly stateOf: (value: bigint) => "free" | "held" | "resting";
  /** The last one given out by this host. */
  readonly after?: bigint;
  /** How many share the pool, and which of them this host is, from 0. */
  readonly hosts: number;
  readonly rank: number;
  /** Those that rest, longest first. */
  readonly resting: () => Iterable<bigint>;
}

/** Undefined: all are held. Passes over no more addresses than there are not free. */
export function chooseAddress(choice: AddressChoice): bigint | undefined {
  return nextOwn(choice) ?? anyFree(choice) ?? firstResting(choice);
}

function nextOwn({ first, last, stateOf, after, hosts, rank }: AddressChoice): bigint | undefined {
  const step = BigInt(hosts);
  const lowest = first + BigInt(rank);
  if (lowest > last) return undefined;
  const count = (last - lowest) / step + 1n;
  const start = after === undefined || after < lowest ? 0n : (after - lowest) / step + 1n;
  for (let index = 0n; index < count; index++) {
    const value = lowest + ((start + index) % count) * step;
    if (stateOf(value) === "free") return value;
  }
  return undefined;
}

function anyFree(choice: AddressChoice): bigint | undefined {
  const { first, last, hosts, rank } = choice;
  const from = first + ((last - first + 1n) * BigInt(rank)) / BigInt(hosts);
  return lowestFree({ ...choice, first: from }) ?? lowestFree(choice);
}

/** Also a gateway's, which is the first that people expect it at. */
export function lowestFree({
  first,
  last,
  stateOf,
}: Pick<AddressChoice, "first" | "last" | "stateOf">): bigint | undefined {
  for (let value = first; value <= last; value++) if (stateOf(value) === "free") return value;
  return undefined;
}

function firstResting({ first, last, stateOf, resting }: AddressChoice): bigint | undefined {
  for (const value of resting()) {
    if (value >= first && value <= last && stateOf(value) === "resting") return value;
  }
  return undefined;
}
