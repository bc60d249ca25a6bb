/** `--filter key=value`, repeated, as the API's `filters` parameter wants it. */
import { FlagError } from "../failure.ts";

/** Throws FlagError for text without `=`. */
export function checkFilter(value: string): void {
  if (value !== "" && !value.includes("=")) throw new FlagError("bad format of filter (expected name=value)");
}

/** JSON text for the `filters` query parameter; undefined without filters. */
export function encodeFilters(filters: readonly string[]): string | undefined {
  const byKey: Record<string, Record<string, true>> = {};
  for (const filter of filters.filter((text) => text !== "")) {
    const [key = "", ...value] = filter.split("=");
    const name = key.trim().toLowerCase();
    byKey[name] = { ...byKey[name], [value.join("=").trim()]: true };
  }
  return Object.keys(byKey).length === 0 ? undefined : JSON.stringify(byKey);
}
