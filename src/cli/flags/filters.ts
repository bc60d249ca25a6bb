/** `--filter key=value`, repeated, as the API's `filters` parameter wants it. */
import { FlagError } from "../failure.ts";

/** Throws FlagError for text without `=`. */
export function checkFilter(value: string): void {
  if (value !== "" && !value.includes("=")) throw new FlagError("bad format of filter (expected name=value)");
}

/** JSON text for the `filters` query parameter; undefined without filters. */
export function encodeFilters(filters: readonly string[]): string | undefined {
  const byKey = new Map<string, Set<string>>();
  for (const filter of filters.filter((text) => text !== "")) {
    const [key = "", ...value] = filter.split("=");
    const name = key.trim().toLowerCase();
    byKey.set(name, (byKey.get(name) ?? new Set()).add(value.join("=").trim()));
  }
  if (byKey.size === 0) return undefined;
  const keys = [...byKey.keys()].sort();
  return JSON.stringify(Object.fromEntries(keys.map((key) => [key, asMembers(byKey.get(key) ?? new Set())])));
}

function asMembers(values: ReadonlySet<string>): Record<string, true> {
  return Object.fromEntries([...values].sort().map((value) => [value, true]));
}
