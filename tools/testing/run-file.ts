/**
 * Runs one test file in a process of its own, in namespaces of its own where its tier asks for them, with an end: when time
 * is up the whole process tree is killed (by the death of its process namespace, or of its process group).
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { TestFile, Tier } from "./discover.ts";
import { isolated } from "./isolated.ts";
import { RUN_MARK } from "./machine.ts";
import type { TestEvent } from "./run-one.ts";

export interface FileResult {
  readonly file: TestFile;
  readonly durationMs: number;
  readonly passed: number;
  readonly failures: readonly { readonly name: string; readonly message: string }[];
  readonly skips: readonly { readonly name: string; readonly reason: string }[];
  /** What the file printed, at most `OUTPUT_LIMIT` characters of its end. */
  readonly output: string;
}

export interface RunFileOptions {
  readonly root: string;
  /** Absolute path of Node 24. */
  readonly node: string;
  readonly timeoutMs: number;
}

/** Milliseconds that a file of the tier may take. */
export const TIME_LIMIT_MS: Readonly<Record<Tier, number>> = { unit: 60_000, netns: 120_000, system: 300_000 };

const OUTPUT_LIMIT = 20_000;
const EVENTS_LIMIT = 50_000_000;
/** So long before its end a file is asked what keeps it. */
const LAST_WORDS_MS = 2_000;
const CLOSE_GRACE_MS = 2_000;
const running = new Set<ChildProcess>();

/** Runs the file to its end; never throws: whatever goes wrong is a failure in the result. */
export async function runFile(file: TestFile, options: RunFileOptions): Promise<FileResult> {
  const started = performance.now();
  const [program, ...args] = commandFor(file, options);
  const child = spawn(program, args, {
    cwd: options.root,
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env: childEnvironment(),
  });
  const [, stdout, stderr, events] = child.stdio;
  const output = gather([stdout, stderr], OUTPUT_LIMIT);
  const lines = gather([events], EVENTS_LIMIT);
  const ending = await ended(child, options.timeoutMs);
  for (const stream of [stdout, stderr, events]) stream?.destroy();
  const durationMs = performance.now() - started;
  return { file, durationMs, output: output().trimEnd(), ...verdict(lines().split("\n"), ending) };
}

function commandFor(file: TestFile, { root, node, timeoutMs }: RunFileOptions): readonly [string, ...string[]] {
  const runOne = join(root, "tools/testing/run-one.ts");
  const inside = [runOne, join(root, file.path), String(timeoutMs - LAST_WORDS_MS)];
  return file.tier === "unit" ? [node, ...inside] : isolated(root, [node, ...inside]);
}

function childEnvironment(): NodeJS.ProcessEnv {
  const [mark = "", value] = RUN_MARK.split("=");
  return { ...process.env, NODE_OPTIONS: "--disable-warning=ExperimentalWarning", [mark]: value };
}

/** Why the process ended: undefined when well, else a sentence. Its output is complete by then, or given up on. */
async function ended(child: ChildProcess, timeoutMs: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  let timedOut: string | undefined;
  child.on("error", (error) => resolve(`cannot start: ${error.message}`));
  child.on("close", (code, signal) => {
    resolve(timedOut ?? (code === 0 ? undefined : `ended with ${signal ?? `status ${String(code)}`}`));
  });
  const timer = setTimeout(() => {
    timedOut = `not finished after ${timeoutMs / 1000} s; its processes were killed`;
    killTree(child);
    setTimeout(resolve, CLOSE_GRACE_MS, timedOut);
  }, timeoutMs);
  running.add(child);
  const ending = await promise;
  running.delete(child);
  clearTimeout(timer);
  return ending;
}

/** Ends every file that is still running, with all its processes. */
export function killRunning(): void {
  for (const child of running) killTree(child);
}

function killTree(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch {
    // It ended by itself meanwhile.
  }
}

/** Gathers the newest `limit` characters of the streams as they come. */
function gather(streams: readonly unknown[], limit: number): () => string {
  let text = "";
  for (const stream of streams.filter((one) => one instanceof Readable)) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (text = (text + chunk).slice(-limit)));
  }
  return () => text;
}

function verdict(
  lines: readonly string[],
  ending: string | undefined,
): Pick<FileResult, "passed" | "failures" | "skips"> {
  const left = lines.filter((line) => line.startsWith("left "));
  const events = lines.filter((line) => line.startsWith("{")).map(parseEvent);
  const failures = events.flatMap((event) =>
    event.kind === "fail" ? [{ name: event.name, message: event.message ?? "failed" }] : [],
  );
  for (const line of left) failures.push({ name: "no process is left behind", message: line.slice(5).trim() });
  const finished = events.some((event) => event.kind === "end");
  if (!finished || (ending !== undefined && failures.length === 0)) {
    failures.push({ name: "the file runs to its end", message: ending ?? "it exited before its tests were done" });
  }
  return {
    passed: events.filter((event) => event.kind === "pass").length,
    failures,
    skips: events.flatMap((event) => (event.kind === "skip" ? [{ name: event.name, reason: event.reason }] : [])),
  };
}

function parseEvent(line: string): TestEvent {
  const event: TestEvent = JSON.parse(line);
  return event;
}
