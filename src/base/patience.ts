/**
 * Time limits for answers, as a process that may be busy has to keep them. Whoever was held up for seconds finds his timers due
 * before he has read what arrived meanwhile; with a plain timer he would take everybody for dead. So a limit is waited for in
 * slices, of which a hold-up costs one at most, and what arrived is read before it counts. Where nothing holds the process up,
 * it is a timer like any other.
 */
const SLICE_MS = 250;
/** A limit that is nearly over has a few as well. */
const LEAST_SLICES = 4;

/** Calls `expire` once, when this process has had `ms` to see an answer. Returns what calls it off. */
export function afterPatience(ms: number, expire: () => void): () => void {
  const sliceMs = Math.max(1, Math.min(SLICE_MS, ms / LEAST_SLICES));
  let leftMs = ms;
  let timer: NodeJS.Timeout | undefined;
  let last: NodeJS.Immediate | undefined;
  const wait = (): void => {
    timer = setTimeout(() => {
      leftMs -= sliceMs;
      if (leftMs > 0) wait();
      // Sockets are read between timers and this.
      else last = setImmediate(expire);
    }, sliceMs);
  };
  wait();
  return () => {
    clearTimeout(timer);
    clearImmediate(last);
  };
}
