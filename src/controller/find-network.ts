/**
 * Which network somebody means: an exact id, else a name, else an id prefix that only one network has (moby's
 * `Daemon.FindNetwork`). Ambiguity carries its numbers, because Docker words it differently for each caller.
 */
import { EngineError } from "../base/errors.ts";
import type { NetworkIntent } from "../drivers/intent.ts";
import type { NetworkEntry, Registry } from "./registry.ts";

/** `invalid-argument`; the message is that of removal, other callers have their own wording to make from the fields. */
export class AmbiguousNetworkError extends EngineError {
  readonly reference: string;
  readonly matches: number;
  readonly by = "ID prefix";

  constructor(reference: string, matches: number) {
    super("invalid-argument", `network ${reference} is ambiguous (${matches} matches found based on ID prefix)`);
    this.reference = reference;
    this.matches = matches;
  }
}

/** A network shows once it is whole. Throws `not-found` "network X not found" and AmbiguousNetworkError. */
export function findNetwork(registry: Registry, reference: string): NetworkIntent {
  const exact = registry.network(reference) ?? registry.networkByName(reference);
  if (exact !== undefined && isWhole(exact)) return exact.intent;
  const matches = registry.networksByIdPrefix(reference).filter(isWhole);
  const [first] = matches;
  if (first === undefined) throw new EngineError("not-found", `network ${reference} not found`);
  if (matches.length > 1) throw new AmbiguousNetworkError(reference, matches.length);
  return first.intent;
}

function isWhole({ phase }: NetworkEntry): boolean {
  return phase !== "creating";
}
