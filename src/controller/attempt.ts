/** Runs a change that undoes itself when it fails; the failure is what the caller sees, also when undoing failed too. */
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { Rollback } from "../base/rollback.ts";

/**
 * Runs `body`; when it throws, everything it added to the rollback is undone, newest first, and what it threw is thrown on.
 * Undo steps that fail are logged: what they leave carries our mark and is swept at the next start.
 */
export async function attempt<T>(log: Log, doing: string, body: (undo: Rollback) => Promise<T>): Promise<T> {
  const undo = new Rollback();
  try {
    const result = await body(undo);
    undo.commit();
    return result;
  } catch (failure) {
    await disposeLogged(log, doing, undo);
    throw failure;
  }
}

async function disposeLogged(log: Log, doing: string, undo: Rollback): Promise<void> {
  try {
    await undo[Symbol.asyncDispose]();
  } catch (cause) {
    log.error({ err: cause }, `${doing}: failed, and not all of it could be undone: ${messageOf(cause)}`);
  }
}
