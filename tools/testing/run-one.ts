/**
 * The child that runs one test file: node's own test runner in this process, its events as JSON lines on descriptor 3, so
 * that whatever the tests print stays apart. A file that leaves timers, sockets or workers open does not end by itself; when its
 * time is nearly up it is told what is open, and ended.
 */
import { writeSync } from "node:fs";
import { run } from "node:test";
import type { EventData } from "node:test";

const EVENTS_FD = 3;

/** A finished test, or a resource that outlived the tests. */
export type TestEvent =
  | { readonly kind: "pass" | "fail"; readonly name: string; readonly message?: string; readonly durationMs: number }
  | { readonly kind: "skip"; readonly name: string; readonly reason: string }
  | { readonly kind: "end" };

function emit(event: TestEvent): void {
  writeSync(EVENTS_FD, `${JSON.stringify(event)}\n`);
}

function passed(data: EventData.TestPass): void {
  const skip = data.skip ?? data.todo;
  // a suite that is skipped reports no tests of its own
  if (skip !== undefined && skip !== false) emit({ kind: "skip", name: data.name, reason: String(skip) });
  else if (data.details.type !== "suite") emit({ kind: "pass", name: data.name, durationMs: data.details.duration_ms });
}

function failed(data: EventData.TestFail): void {
  const { error } = data.details;
  const cause = error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : String(error.cause ?? "");
  emit({
    kind: "fail",
    name: data.name,
    message: cause === "" ? error.message : cause,
    durationMs: data.details.duration_ms,
  });
}

/** Says what is still open when the time is nearly up. */
function lastWords(limitMs: number): void {
  const open = process.getActiveResourcesInfo().join(", ");
  const message = `still running after ${limitMs / 1000} s; open: ${open}`;
  emit({ kind: "fail", name: "the file ends by itself", message, durationMs: limitMs });
  process.exit(1);
}

const [file, limit] = process.argv.slice(2);
if (file === undefined) throw new Error("run-one: which file?");
const limitMs = Number(limit ?? 60_000);
setTimeout(lastWords, limitMs, limitMs).unref();
const stream = run({ files: [file], isolation: "none" });
stream.on("test:pass", passed);
stream.on("test:fail", failed);
stream.on("end", () => emit({ kind: "end" }));
stream.resume();
