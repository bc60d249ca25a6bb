/** Names in the order that people expect, as docker sorts lists: digits count as numbers, so web2 comes before web10. */

export function compareNaturally(a: string, b: string): number {
  const [left, right] = [chunks(a), chunks(b)];
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const order = compareChunks(left[index] ?? "", right[index] ?? "");
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** Each number is one chunk, each other character one of its own. */
function chunks(text: string): string[] {
  return text.match(/\d+|\D/gu) ?? [];
}

/** Numbers by value, then by fewer leading zeros; a digit comes before whatever is none. */
function compareChunks(a: string, b: string): number {
  const [isNumber, otherIsNumber] = [/^\d/.test(a), /^\d/.test(b)];
  if (isNumber !== otherIsNumber) return isNumber ? -1 : 1;
  if (!isNumber) return a < b ? -1 : Number(a > b);
  const [left, right] = [BigInt(a), BigInt(b)];
  return left === right ? a.length - b.length : left < right ? -1 : 1;
}
