/** Whether a word names a Linux signal: a number, `KILL`, `SIGKILL`, `SIGRTMIN+3`. */
import { constants } from "node:os";

const NAMES = new Set(Object.keys(constants.signals));

export function isSignal(word: string): boolean {
  if (/^\d+$/.test(word)) return Number(word) >= 1 && Number(word) <= 64;
  const name = word.toUpperCase().replace(/^(SIG)?/, "SIG");
  return NAMES.has(name) || /^SIGRT(MIN(\+\d{1,2})?|MAX(-\d{1,2})?)$/.test(name);
}
