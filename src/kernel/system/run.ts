/**
 * Runs a program in a namespace: the child is forked while the thread is inside, and stays there; the thread is back before
 * anything is awaited. Time and output are bounded; what exceeds them is killed with SIGKILL.
 */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import type { NamespaceRef } from "../facts.ts";
import type { RunOptions, RunResult } from "../kernel.ts";
import { KernelError } from "../kernel-error.ts";
import { fileError, type Namespaces } from "./namespace.ts";

const DEFAULT_TIMEOUT_MS = 10_000;
/** iptables-save of ten thousand rules is about 1 MiB. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Throws KernelError when the program cannot start (ENOENT), takes too long (ETIMEDOUT) or prints too much (EFBIG). */
export async function run(
  namespaces: Namespaces,
  namespace: NamespaceRef,
  command: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  const [program = "", ...parameters] = command;
  const operation = `run ${command.join(" ")}`;
  const child = namespaces.inside(namespace, () => spawn(program, parameters, { stdio: "pipe" }));
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const fail = (errno: number, detail: string): void => {
    child.kill("SIGKILL");
    reject(new KernelError({ operation, errno, detail }));
  };
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const timer = setTimeout(() => fail(constants.errno.ETIMEDOUT, `still running after ${timeoutMs} ms`), timeoutMs);
  child.on("error", (cause) => reject(fileError(operation, cause)));
  child.on("close", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  const stdout = collect(child.stdout, () => fail(constants.errno.EFBIG, "it prints too much"));
  const stderr = collect(child.stderr, () => fail(constants.errno.EFBIG, "it prints too much"));
  feed(child, options.input ?? "");
  try {
    const exitCode = await promise;
    return { exitCode, stdout: stdout(), stderr: stderr() };
  } finally {
    clearTimeout(timer);
    // A grandchild may keep the pipes open for ever.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  }
}

/** A program may exit without reading its input. */
function feed(child: ChildProcessWithoutNullStreams, input: string): void {
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
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
