/**
 * A set of addresses (bigints) as sorted, disjoint, never adjacent ranges. Its size follows how scattered the addresses are,
 * not how large the subnet is: a /8 or a /48 filled from below is one range. Looking up and finding the lowest free address
 * take O(log ranges); adding and removing also move the ranges behind the place, which is one memmove.
 */

interface Range {
  first: bigint;
  /** Inclusive. */
  last: bigint;
}

export class AddressSet {
  readonly #ranges: Range[] = [];

  has(value: bigint): boolean {
    const range = this.#ranges[this.#indexAtOrBelow(value)];
    return range !== undefined && value <= range.last;
  }

  /** False, and nothing changed, when the value is in the set already. */
  add(value: bigint): boolean {
    if (this.has(value)) return false;
    const below = this.#indexAtOrBelow(value);
    const left = this.#ranges[below];
    const right = this.#ranges[below + 1];
    const joinsLeft = left !== undefined && left.last + 1n === value;
    const joinsRight = right !== undefined && value + 1n === right.first;
    if (joinsLeft && joinsRight) {
      left.last = right.last;
      this.#ranges.splice(below + 1, 1);
    } else if (joinsLeft) left.last = value;
    else if (joinsRight) right.first = value;
    else this.#ranges.splice(below + 1, 0, { first: value, last: value });
    return true;
  }

  /** False, and nothing changed, when the value is not in the set. */
  remove(value: bigint): boolean {
    const index = this.#indexAtOrBelow(value);
    const range = this.#ranges[index];
    if (range === undefined || value > range.last) return false;
    if (range.first === range.last) this.#ranges.splice(index, 1);
    else if (value === range.first) range.first = value + 1n;
    else if (value === range.last) range.last = value - 1n;
    else {
      this.#ranges.splice(index + 1, 0, { first: value + 1n, last: range.last });
      range.last = value - 1n;
    }
    return true;
  }

  /** The lowest value from `first` to `last`, both included, that is not in the set; undefined when all are. */
  lowestFree(first: bigint, last: bigint): bigint | undefined {
    const range = this.#ranges[this.#indexAtOrBelow(first)];
    const candidate = range === undefined || range.last < first ? first : range.last + 1n;
    return candidate <= last ? candidate : undefined;
  }

  /** Removes every value of the other set; those that are not in here are passed over. */
  removeAll(other: AddressSet): void {
    for (const { first, last } of other.#ranges) {
      for (let value = first; value <= last; value++) this.remove(value);
    }
  }

  /** How many ranges it takes to hold the set: what its memory grows with. */
  get rangeCount(): number {
    return this.#ranges.length;
  }

  /** Index of the last range that begins at or below the value; -1 when there is none. */
  #indexAtOrBelow(value: bigint): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle];
      if (range !== undefined && range.first <= value) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
