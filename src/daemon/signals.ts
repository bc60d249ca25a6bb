/** The process's signals: SIGTERM and SIGINT ask for a clean stop, three of them for an end at once; SIGHUP reloads. */
import type { Log } from "../base/log.ts";

/** dockerd gives up its manners at the third signal. */
const PATIENCE = 3;

/**
 * Resolves when a clean stop is asked for, and from then on counts further signals. The stop itself has an end: a process
 * that still runs `withinMs` later ends with status 1.
 */
export async function stopAsked(log: Log, withinMs: number): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let count = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    count += 1;
    if (count === PATIENCE) {
      log.warn({}, "forcing the daemon to end without stopping cleanly: 3 interrupts received");
      process.exit(128 + 15);
    }
    log.info({}, `Processing signal '${signal}'`);
    if (count === 1) endWithin(withinMs, log);
    resolve(signal);
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  return promise;
}

/** The timer itself keeps nothing alive. */
function endWithin(timeoutMs: number, log: Log): void {
  setTimeout(() => {
    log.error({}, `not stopped after ${timeoutMs / 1000} s; ending anyway`);
    process.exit(1);
  }, timeoutMs).unref();
}
