/** What stays wrong is looked at again and again, and said when it is new. */
import type { World } from "../world.ts";

/** Logs an error about the shared network or endpoint unless the same was said of it last. */
export function sayOnce({ refused, log }: Pick<World, "refused" | "log">, id: string, text: string): void {
  if (refused.get(id) === text) return;
  refused.set(id, text);
  log.error({ id }, text);
}
