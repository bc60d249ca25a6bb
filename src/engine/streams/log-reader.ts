/**
 * Reads a container's log back: from the start or its last lines, between two times, and on while the container writes.
 * Blocks of 64 KiB are read one at a time, so a long log costs no more memory than a short one.
 */
import { open, type FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import type { LogOptions, OutputChunk } from "../engine.ts";
import type { JsonLog } from "./json-log.ts";

const BLOCK = 64 * 1024;
const NEWLINE = 0x0a;
/** An entry is at most 16 KiB of output; escapes make it longer, at worst sixfold. */
const MAX_ENTRY = 256 * 1024;

export interface LogEntry extends OutputChunk {
  readonly timeNs: bigint;
  /** As it is in the file, RFC 3339. */
  readonly time: string;
}

/** A stream of OutputChunk. `live` is the log being written, for `follow`; without it the end of the file is the end. */
export function readLog(path: string, options: LogOptions, live: JsonLog | undefined): Readable {
  const stopped = new AbortController();
  const stream = Readable.from(chunks(path, options, { live, signal: stopped.signal }), { objectMode: true });
  stream.once("close", () => stopped.abort());
  return stream;
}

/** What is in the file now. */
export async function* readLogSoFar(path: string): AsyncGenerator<OutputChunk> {
  const options: LogOptions = { stdout: true, stderr: true, follow: false, timestamps: false };
  yield* chunks(path, options, { live: undefined, signal: new AbortController().signal });
}

async function* chunks(
  path: string,
  options: LogOptions,
  source: { readonly live: JsonLog | undefined; readonly signal: AbortSignal },
): AsyncGenerator<OutputChunk> {
  await source.live?.flush();
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return;
  try {
    for await (const entry of entries(file, options, source)) {
      if (options.untilNs !== undefined && entry.timeNs > options.untilNs) return;
      if (!options[entry.stream] || (options.sinceNs !== undefined && entry.timeNs < options.sinceNs)) continue;
      const bytes = options.timestamps
        ? Buffer.concat([Buffer.from(`${fixedTime(entry.timeNs)} `), entry.bytes])
        : entry.bytes;
      yield { stream: entry.stream, bytes };
    }
  } finally {
    await file.close();
  }
}

/** RFC 3339 with nine digits, whether zero or not. */
function fixedTime(ns: bigint): string {
  const seconds = new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(ns % 1_000_000_000n).padStart(9, "0")}Z`;
}

async function* entries(
  file: FileHandle,
  options: LogOptions,
  source: { readonly live: JsonLog | undefined; readonly signal: AbortSignal },
): AsyncGenerator<LogEntry> {
  const block = Buffer.alloc(BLOCK);
  let offset = options.tail === undefined ? 0 : await tailOffset(file, options.tail);
  let rest = Buffer.alloc(0);
  for (;;) {
    // Asked before the read: what was written before it closed is read for sure.
    const last = source.live?.closed ?? true;
    const { bytesRead } = await file.read(block, 0, BLOCK, offset);
    offset += bytesRead;
    rest = Buffer.concat([rest, block.subarray(0, bytesRead)]);
    for (let newline = rest.indexOf(NEWLINE); newline !== -1; newline = rest.indexOf(NEWLINE)) {
      const entry = parseEntry(rest.subarray(0, newline).toString("utf8"));
      rest = rest.subarray(newline + 1);
      if (entry !== undefined) yield entry;
    }
    if (rest.length > MAX_ENTRY) rest = Buffer.alloc(0);
    if (bytesRead > 0) continue;
    if (!options.follow || last || source.signal.aborted) return;
    await source.live?.changed(source.signal);
  }
}

/** Where the last `count` lines of the file begin, in bytes. */
export async function tailOffset(file: FileHandle, count: number): Promise<number> {
  const { size } = await file.stat();
  if (count <= 0) return size;
  const block = Buffer.alloc(BLOCK);
  let seen = 0;
  for (let end = size; end > 0; end -= Math.min(BLOCK, end)) {
    const start = Math.max(0, end - BLOCK);
    await file.read(block, 0, end - start, start);
    for (let index = end - start - 1; index >= 0; index--) {
      // The newline that ends the file ends its last line; it begins none.
      if (block[index] !== NEWLINE || start + index === size - 1) continue;
      seen += 1;
      if (seen === count) return start + index + 1;
    }
  }
  return 0;
}

/** One line of the file; undefined for a line that is no entry (cut by a crash, say). */
export function parseEntry(line: string): LogEntry | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (
      typeof value !== "object" ||
      value === null ||
      !("log" in value) ||
      !("stream" in value) ||
      !("time" in value)
    ) {
      return undefined;
    }
    const { log, stream, time } = value;
    if (typeof log !== "string" || typeof time !== "string" || (stream !== "stdout" && stream !== "stderr")) {
      return undefined;
    }
    return { stream, bytes: Buffer.from(log), timeNs: parseTimeNs(time), time };
  } catch {
    return undefined;
  }
}

/** Nanoseconds since the epoch of an RFC 3339 time in UTC; 0 when it is none. */
export function parseTimeNs(time: string): bigint {
  const ms = Date.parse(time);
  if (Number.isNaN(ms)) return 0n;
  const fraction = /\.(\d{1,9})/.exec(time)?.[1] ?? "";
  return BigInt(Math.floor(ms / 1000)) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}
