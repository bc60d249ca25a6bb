/** What attached commands share: waiting for the exit status, passing on the window's size and signals. */
import { constants } from "node:os";
import { asNumber, asObject, asText } from "../client/json-access.ts";
import { parseJson } from "../client/json-text.ts";
import type { CliContext } from "../context.ts";
import { CliFailure } from "../failure.ts";
import { watchSize } from "../terminal.ts";

export type WaitCondition = "next-exit" | "not-running" | "removed";

/** The container's path in the API. */
export function containerPath(reference: string, action = ""): string {
  return `/containers/${encodeURIComponent(reference)}${action}`;
}

/**
 * The exit status, once the container ended. The daemon has heard the question when the returned object is there: what
 * happens after that is not missed.
 */
export async function beginWait(
  { api }: CliContext,
  id: string,
  condition: WaitCondition,
): Promise<{ readonly status: Promise<number> }> {
  const answer = await api.stream("POST", containerPath(id, "/wait"), { query: { condition } });
  const read = async (): Promise<number> => {
    let body = "";
    for await (const chunk of answer) body += String(chunk);
    const result = asObject(parseJson(body));
    const message = asText(asObject(result["Error"])["Message"]);
    if (message !== "") throw new CliFailure(message, 125);
    return asNumber(result["StatusCode"]);
  };
  const status = read();
  status.catch(() => undefined);
  return { status };
}

/**
 * Keeps the size of a terminal in the container that of the user's; `path` ends in `/resize`. A program that shall `redraw`,
 * because it has drawn for others, is first told of another size. Returns how to stop.
 */
export function followSize(context: CliContext, path: string, redraw = false): () => void {
  let told: Promise<unknown> = Promise.resolve();
  // the process may have ended meanwhile, or not have begun
  const tell = (h: number, w: number): void => {
    told = told.then(async () => context.api.json("POST", path, { query: { h, w } })).catch(() => undefined);
  };
  let first = redraw;
  return watchSize(context.stdout, (rows, columns) => {
    if (first) tell(rows + 1, columns + 1);
    first = false;
    tell(rows, columns);
  });
}

/** Signals of ours go to the container, but for those that are about our own process. Returns how to stop. */
export function forwardSignals({ api }: CliContext, id: string): () => void {
  const names = Object.keys(constants.signals).filter(isForwarded);
  const forward = (signal: string): void => {
    api.json("POST", containerPath(id, "/kill"), { query: { signal: signal.slice(3) } }).catch(() => undefined);
  };
  for (const name of names) process.on(name, forward);
  return () => {
    for (const name of names) process.off(name, forward);
  };
}

function isForwarded(name: string): boolean {
  return /^SIG(HUP|INT|QUIT|TERM|USR2|ALRM|CONT|TSTP|WINCH)$/.test(name) && name !== "SIGWINCH";
}
