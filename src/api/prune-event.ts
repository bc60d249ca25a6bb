/** The event that a prune ends with (moby `daemon/prune.go`), also when there was nothing to remove. */
import type { ApiContext } from "./api-context.ts";

/** Of the kind that was pruned, without an actor; `reclaimed` is in bytes of disk. */
export function emitPrune({ engine }: ApiContext, type: "container" | "image" | "network", reclaimed = 0): void {
  engine.events.emit({ type, action: "prune", actorId: "", attributes: { reclaimed: String(reclaimed) } });
}
