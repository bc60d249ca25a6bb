/** Sizes in flags: `64m`, `1.5GiB`; a unit is 1024 times the one before (docker/go-units RAMInBytes). */
import { FlagError } from "../failure.ts";

export function checkSize(value: string): void {
  if (parse(value) === undefined) throw new FlagError(`invalid size: '${value}'`);
}

/** Bytes; 0 for what `checkSize` refuses. */
export function parseSize(value: string): number {
  return parse(value) ?? 0;
}

function parse(value: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(value);
  if (match === null) return undefined;
  const power = " kmgtp".indexOf((match[2] ?? "").toLowerCase() || " ");
  return Math.floor(Number(match[1]) * 1024 ** power);
}
