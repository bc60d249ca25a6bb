/**
 * A user's streams joined to a process in a container over a hijacked connection: input to its stdin until it ends or the
 * user detaches, output to stdout and stderr until the process closes it.
 */
import { Readable } from "node:stream";
import type { Duplex } from "node:stream";
import type { Hijacked } from "./client/api-client.ts";
import { copyFrames, copyRaw } from "./client/output-frames.ts";
import type { CliContext } from "./context.ts";
import { CliFailure } from "./failure.ts";
import { detachFilter, enterRawMode, isTerminal, parseDetachKeys } from "./terminal.ts";

export interface AttachOptions {
  /** The process has a terminal: its output has no frames, and keys go to it raw. */
  readonly tty: boolean;
  /** Whether our stdin goes to the process. */
  readonly input: boolean;
  readonly detachKeys?: string;
}

export type SessionEnd = "ended" | "detached";

/** Runs until the output ends or the user detaches. */
export async function runSession(
  context: CliContext,
  connection: Hijacked,
  options: AttachOptions,
): Promise<SessionEnd> {
  const { socket, head } = connection;
  const detached = Promise.withResolvers<SessionEnd>();
  const leaveRaw = options.tty && options.input ? enterRawMode(context.stdin) : (): void => undefined;
  const stopInput = options.input
    ? startInput(context, socket, options, () => detached.resolve("detached"))
    : undefined;
  const source = Readable.from(output(head, socket));
  const copied = options.tty ? copyRaw(source, context.stdout) : copyFrames(source, context.stdout, context.stderr);
  try {
    return await Promise.race([detached.promise, copied.then(() => "ended" as const)]);
  } finally {
    stopInput?.();
    leaveRaw();
    socket.destroy();
  }
}

/** A connection that breaks ends the output like one that closes: the exit code tells what became of the process. */
async function* output(head: Uint8Array, socket: Duplex): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  try {
    for await (const chunk of socket as AsyncIterable<Uint8Array>) yield chunk;
  } catch {
    // ended by the other side, or by our own destroy
  }
}

function startInput(context: CliContext, socket: Duplex, options: AttachOptions, detach: () => void): () => void {
  const { stdin } = context;
  const keys = parseDetachKeys(options.detachKeys);
  if (keys === undefined) throw new CliFailure(`invalid detach keys (${options.detachKeys})`);
  const source = options.tty ? stdin.pipe(detachFilter(keys, detach)) : stdin;
  source.pipe(socket);
  return () => {
    source.unpipe(socket);
    stdin.unpipe();
    stdin.pause();
    if (isTerminal(stdin)) stdin.destroy();
  };
}

/** Throws CliFailure unless stdin can be a container's terminal. */
export function assertTerminal(context: CliContext, wanted: { readonly tty: boolean; readonly input: boolean }): void {
  if (wanted.tty && wanted.input && !isTerminal(context.stdin)) throw new CliFailure("the input device is not a TTY");
}
