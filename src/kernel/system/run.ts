/**
 * Runs a program in a namespace: the child is started while the thread is inside, and stays there; the thread is back before
 * anything is awaited. Time and output are bounded; what exceeds them is killed with SIGKILL.
 */
import { once } from "node:events";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import type { NamespaceRef } from "../facts.ts";
import type { RunOptions, RunResult } from "../kernel.ts";
import { KernelError } from "../kernel-error.ts";
import type { Namespaces } from "./namespace.ts";
import { startProgram, type StartedProgram } from "./start-program.ts";

const DEFAULT_TIMEOUT_MS = 10_000;
/** iptables-save of ten thousand rules is about 1 MiB. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
/** From the end of a program's output to its own end are microseconds, unless it closed its output early. */
const FIRST_LOOK_MS = 1;
const MAX_LOOK_MS = 50;

/** Throws KernelError when the program cannot start (ENOENT), takes too long (ETIMEDOUT) or prints too much (EFBIG). */
export async function run(
  namespaces: Namespaces,
  namespace: NamespaceRef,
  command: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  const operation = `run ${command.join(" ")}`;
  const program = namespaces.inside(namespace, () => startProgram(command, options.input ?? "", operation));
  const { promise: failure, reject } = Promise.withResolvers<never>();
  const fail = (errno: number, detail: string): void => reject(new KernelError({ operation, errno, detail }));
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const timer = setTimeout(() => fail(constants.errno.ETIMEDOUT, `still running after ${timeoutMs} ms`), timeoutMs);
  const stdout = collect(program.stdout, () => fail(constants.errno.EFBIG, "it prints too much"));
  const stderr = collect(program.stderr, () => fail(constants.errno.EFBIG, "it prints too much"));
  const ended = endOf(program);
  try {
    const exitCode = await Promise.race([ended, failure]);
    return { exitCode, stdout: stdout(), stderr: stderr() };
  } catch (cause) {
    program.kill();
    throw cause;
  } finally {
    clearTimeout(timer);
    // A grandchild may keep the pipes open for ever.
    for (const stream of [program.stdout, program.stderr]) stream.destroy();
  }
}

/** The exit code, once the program has ended and its output is read; it is waited for even where nobody cares any more. */
async function endOf(program: StartedProgram): Promise<number> {
  await Promise.all([program.stdout, program.stderr].map((stream) => once(stream, "close")));
  for (let delayMs = FIRST_LOOK_MS; ; delayMs = Math.min(2 * delayMs, MAX_LOOK_MS)) {
    const code = program.exited();
    if (code !== undefined) return code;
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
}
/** Keeps what comes, up to the bound; the function returned gives the text so far. */
function collect(stream: Readable, tooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > MAX_OUTPUT_BYTES) tooMuch();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString("utf8");
}
