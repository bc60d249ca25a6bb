/**
 * Starting a container that nobody waits for: with the engine, or again after its end. What is missing may come: a host often
 * starts before the store of the cluster whose networks its containers are on, and that store may be away when one ends.
 */
import { EngineError, messageOf } from "../../base/errors.ts";
import type { EngineContext } from "../engine-context.ts";
import type { ContainerEntry } from "./container-entry.ts";

/** Between attempts. */
const FIRST_WAIT_MS = 1_000;
const MOST_WAIT_MS = 15_000;

export interface Starting {
  readonly context: EngineContext;
  readonly start: (entry: ContainerEntry) => Promise<void>;
}

/** Resolves after the first attempt; others follow until it is started or removed, or fails for another reason. Never throws. */
export async function startWhenPossible(
  starting: Starting,
  entry: ContainerEntry,
  waitMs = FIRST_WAIT_MS,
): Promise<void> {
  try {
    await starting.start(entry);
  } catch (error) {
    if (!waitsFor(starting, entry, { error, waitMs })) {
      const fields = { id: entry.id, error: messageOf(error) };
      starting.context.options.log.error(fields, "start container with the engine failed");
    }
  }
}

/** After a start that failed: whether it is tried again. */
export function waitsFor(
  starting: Starting,
  entry: ContainerEntry,
  { error, waitMs = FIRST_WAIT_MS }: { readonly error: unknown; readonly waitMs?: number },
): boolean {
  const { options, stopping, registry } = starting.context;
  if (!(error instanceof EngineError) || error.code !== "unavailable" || stopping.aborted) return false;
  options.log.warn({ id: entry.id, error: error.message }, "container is not started yet, it is tried again");
  entry.restartTimer = setTimeout(() => {
    const isWanted = !stopping.aborted && !entry.running && registry.get(entry.id) === entry;
    if (isWanted) void startWhenPossible(starting, entry, Math.min(2 * waitMs, MOST_WAIT_MS));
  }, waitMs).unref();
  return true;
}
