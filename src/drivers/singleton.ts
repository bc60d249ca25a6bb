/** The rule of drivers that have exactly one network, host and null, with Docker's sentence. */
import { EngineError } from "../base/errors.ts";
import type { NetworkIntent } from "./intent.ts";

/**
 * Throws `forbidden` when another network of the same driver exists. Configuration-only networks do not count: they are
 * stored under the null driver and are never built.
 */
export function checkOnlyInstance(network: NetworkIntent, existing: readonly NetworkIntent[]): void {
  if (network.configOnly) return;
  const other = existing.find(
    ({ driver, configOnly, id }) => driver === network.driver && !configOnly && id !== network.id,
  );
  if (other !== undefined)
    throw new EngineError("forbidden", `only one instance of "${network.driver}" network is allowed`);
}
