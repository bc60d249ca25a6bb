/**
 * Ranges in sets whose key is one field. There the kernel knows no range, only where ranges begin and where they end: an
 * element with the first key, and one with the key behind the last, flagged NFT_SET_ELEM_INTERVAL_END; none behind the
 * highest. It wants them in ascending order, each end right behind its start.
 */
import type { NftElement } from "./ruleset.ts";

/** An element as it is sent. */
export interface WireElement extends NftElement {
  readonly isEnd?: true;
}

/** Ranges with both ends to what is sent. */
export function splitRanges(elements: readonly NftElement[]): readonly WireElement[] {
  return elements
    .toSorted((a, b) => Buffer.compare(a.key, b.key))
    .flatMap(({ key, keyEnd, data }) => {
      const start = { key, ...(data === undefined ? {} : { data }) };
      const behind = added(keyEnd ?? key, 1);
      return behind === undefined ? [start] : [start, { key: behind, isEnd: true as const }];
    });
}

/** What came, in any order, to ranges with both ends. An end without a start is left out. */
export function joinRanges(elements: readonly WireElement[]): readonly NftElement[] {
  const joined: NftElement[] = [];
  let open: WireElement | undefined;
  for (const element of elements.toSorted(byKeyEndsFirst)) {
    const last = element.isEnd === true ? added(element.key, -1) : undefined;
    if (element.isEnd !== true) open = element;
    else if (open !== undefined && last !== undefined) {
      joined.push({ ...open, keyEnd: last });
      open = undefined;
    }
  }
  if (open !== undefined) joined.push({ ...open, keyEnd: new Uint8Array(open.key.length).fill(0xff) });
  return joined;
}

function byKeyEndsFirst(a: WireElement, b: WireElement): number {
  return Buffer.compare(a.key, b.key) || Number(b.isEnd ?? false) - Number(a.isEnd ?? false);
}

/** The key one higher or lower, read as a number in network order; undefined beyond the highest or lowest. */
function added(key: Uint8Array, by: 1 | -1): Uint8Array | undefined {
  const bytes = Uint8Array.from(key);
  for (let index = bytes.length - 1; index >= 0; index--) {
    const sum = (bytes[index] ?? 0) + by;
    bytes[index] = sum & 0xff;
    if (sum >= 0 && sum <= 0xff) return bytes;
  }
  return undefined;
}
