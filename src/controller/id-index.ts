/** Ids in order, so that a prefix finds its matches by binary search however many ids there are. */

export class IdIndex {
  readonly #ids: string[] = [];

  add(id: string): void {
    const at = this.#position(id);
    if (this.#ids[at] !== id) this.#ids.splice(at, 0, id);
  }

  remove(id: string): void {
    const at = this.#position(id);
    if (this.#ids[at] === id) this.#ids.splice(at, 1);
  }

  /** All ids that begin with the prefix, in order. The empty prefix matches nothing: nobody means everything by "". */
  withPrefix(prefix: string): readonly string[] {
    if (prefix === "") return [];
    const start = this.#position(prefix);
    let end = start;
    while (this.#ids[end]?.startsWith(prefix) === true) end++;
    return this.#ids.slice(start, end);
  }

  /** Index of the first id that is not less. */
  #position(id: string): number {
    let low = 0;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ids[middle] ?? "") < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
