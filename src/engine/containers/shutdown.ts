/** The end of all containers when the engine closes for good: everybody is asked at once, and killed when time is up. */
import { messageOf } from "../../base/errors.ts";
import type { EngineContext } from "../engine-context.ts";
import type { ContainerControl } from "./container-control.ts";
import { parseSignal } from "./signals.ts";

const DEFAULT_TIMEOUT_MS = 15_000;

/** Waits for starts and removals that were under way; new ones are refused. */
export async function settleStarts(context: EngineContext): Promise<void> {
  await Promise.all(context.registry.all().map(({ id }) => context.locks.run(id, () => Promise.resolve())));
}

/** Answers when nothing runs any more. Containers are not marked as stopped by hand, so restart policies hold. */
export async function shutDown(context: EngineContext, control: ContainerControl): Promise<void> {
  const { registry, options } = context;
  const limitMs = options.shutdownTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  const ends = registry.all().flatMap((entry) => {
    const { run } = entry;
    if (run === undefined) return [];
    run.stopRequested = true;
    const { stopSignal } = entry.record.inherited;
    const signal = parseSignal(stopSignal === "" ? "TERM" : stopSignal);
    const own = entry.record.spec.stopTimeoutSeconds;
    const timeoutMs = own === undefined || own < 0 ? limitMs : Math.min(own * 1000, limitMs);
    return control.end(entry, run, { signal, timeoutMs }).catch((error: unknown) => {
      options.log.error({ container: entry.id, error: messageOf(error) }, "container did not end");
    });
  });
  await Promise.all(ends);
}
