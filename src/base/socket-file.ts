/** Files of unix sockets outlive the process that listened on them: what nobody answers on is removed, what somebody does is not. */
import { existsSync, lstatSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { EngineError } from "./errors.ts";

/** How long somebody who accepts but says nothing is waited for. */
const PROBE_MS = 2_000;

/** Removes a socket file that nobody listens on; accepts absence. Throws `conflict` with the text `inUse` where somebody does. */
export async function removeStaleSocket(path: string, inUse: string): Promise<void> {
  if (!existsSync(path)) return;
  if (!lstatSync(path).isSocket()) throw new EngineError("conflict", `${path} exists and is not a socket`);
  if (await answers(path)) throw new EngineError("conflict", inUse);
  unlinkSync(path);
}

/** Whether somebody accepts connections on the path. */
export async function answers(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.setTimeout(PROBE_MS, () => resolve(true));
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  const result = await promise;
  socket.destroy();
  return result;
}
