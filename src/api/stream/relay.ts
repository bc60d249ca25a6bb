/**
 * Joins a client's connection to a process: output out, input in, each with back-pressure. A client that closes its sending
 * half ends the process's stdin and goes on reading; one that goes away detaches; the end of the output ends the connection.
 */
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { AttachedStreams } from "../../engine/engine.ts";
import { detachFilter } from "./detach-keys.ts";
import { outputEncoder } from "./framing.ts";

/** How long a client may take to close its half after we closed ours. */
const LINGER_MS = 10_000;

export interface RelayOptions {
  /** The sequence that detaches; looked for on terminals only. */
  readonly detachKeys: Buffer;
  /** Whether the end of the client's input ends the process's. */
  readonly endsStdin: boolean;
}

/** Resolves when the client is served, however that came; "detached" when it typed the detach keys. Never rejects. */
export async function relay(
  client: Duplex,
  streams: AttachedStreams,
  options: RelayOptions,
): Promise<"ended" | "detached"> {
  let result: "ended" | "detached" = "ended";
  const leave = (): void => void streams.output.destroy();
  client.once("close", leave);
  client.on("error", leave);
  relayInput(client, streams, options, () => {
    result = "detached";
    leave();
  });
  try {
    await pipeline(streams.output, outputEncoder(streams.tty), client, { end: false });
  } catch {
    // The client went away, detached, or the output broke: in each case there is nobody left to tell.
  }
  closeGently(client);
  releaseInput(streams, options);
  return result;
}

function relayInput(client: Duplex, streams: AttachedStreams, options: RelayOptions, onDetach: () => void): void {
  const { stdin, tty } = streams;
  if (stdin === undefined) {
    client.resume();
    return;
  }
  stdin.on("error", () => client.resume());
  const input = tty ? client.pipe(detachFilter(options.detachKeys, onDetach)) : client;
  input.pipe(stdin, { end: options.endsStdin });
}

function releaseInput({ stdin, tty }: AttachedStreams, { endsStdin }: RelayOptions): void {
  if (stdin === undefined || stdin.destroyed) return;
  if (endsStdin && !tty) stdin.end();
  else stdin.destroy();
}

/** Ends our half, and gives the client time to read all of it before the connection is dropped. */
export function closeGently(client: Duplex): void {
  if (client.destroyed) return;
  client.unpipe();
  client.resume();
  client.end();
  const timer = setTimeout(() => client.destroy(), LINGER_MS);
  timer.unref();
  client.once("close", () => clearTimeout(timer));
}
