/** The log on disk in Docker's format, written and read back, followed and cut. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { Clock } from "../../base/clock.ts";
import { silentLog } from "../../base/log.ts";
import type { LogOptions } from "../engine.ts";
import { JsonLog } from "./json-log.ts";
import { parseEntry, parseTimeNs, readLog, tailOffset } from "./log-reader.ts";

const START = 1_700_000_000_000_000_000n;
const plain: LogOptions = { stdout: true, stderr: true, follow: false, timestamps: false };

let directory: string;
let path: string;
let ns: bigint;

const clock: Clock = { now: () => Number(ns / 1_000_000n), nowNs: () => (ns += 1_000_000_000n) };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "log-"));
  path = join(directory, "x-json.log");
  ns = START - 1_000_000_000n;
});
afterEach(() => rmSync(directory, { recursive: true }));

const opened = (): Promise<JsonLog> => JsonLog.open(path, { clock, log: silentLog });
const out = (text: string) => ({ stream: "stdout" as const, bytes: Buffer.from(text) });

async function read(options: Partial<LogOptions> = {}, live?: JsonLog): Promise<string> {
  let text = "";
  for await (const chunk of readLog(path, { ...plain, ...options }, live)) text += Buffer.from(chunk.bytes).toString();
  return text;
}

test("each line is one object of Docker's json-file format", async () => {
  const log = await opened();
  log.append(out("one\ntw"));
  log.append({ stream: "stderr", bytes: Buffer.from("err\n") });
  log.append(out("o\nrest"));
  await log.close();
  assert.equal(
    readFileSync(path, "utf8"),
    '{"log":"one\\n","stream":"stdout","time":"2023-11-14T22:13:20Z"}\n' +
      '{"log":"err\\n","stream":"stderr","time":"2023-11-14T22:13:21Z"}\n' +
      '{"log":"two\\n","stream":"stdout","time":"2023-11-14T22:13:22Z"}\n' +
      '{"log":"rest","stream":"stdout","time":"2023-11-14T22:13:23Z"}\n',
  );
});

test("a line longer than 16 KiB becomes entries that join to the same text", async () => {
  const log = await opened();
  const text = `${"é".repeat(8192 * 3)}\n`;
  log.append(out(text));
  await log.close();
  assert.equal(readFileSync(path, "utf8").trim().split("\n").length, 4);
  assert.equal(await read(), text);
});

test("tail, since, until and streams choose lines", async () => {
  const log = await opened();
  for (let line = 0; line < 10; line++) log.append(out(`${line}\n`));
  log.append({ stream: "stderr", bytes: Buffer.from("e\n") });
  await log.close();
  assert.equal(await read({ tail: 3 }), "8\n9\ne\n");
  assert.equal(await read({ tail: 0 }), "");
  assert.equal(await read({ tail: 100 }), "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\ne\n");
  assert.equal(await read({ stdout: false }), "e\n");
  assert.equal(await read({ sinceNs: START + 9_000_000_000n }), "9\ne\n");
  assert.equal(await read({ untilNs: START + 1_000_000_000n }), "0\n1\n");
  assert.equal(await read({ tail: 1, timestamps: true }), "2023-11-14T22:13:30.000000000Z e\n");
});

test("the last lines are found across block borders", async () => {
  const lines = Array.from({ length: 5000 }, (_, index) => `{"log":"${index}\\n","stream":"stdout","time":"t"}\n`);
  writeFileSync(path, lines.join(""));
  await using file = await open(path, "r");
  for (const count of [1, 2, 1999, 4999, 5000, 6000]) {
    const expected = lines.slice(Math.max(0, lines.length - count)).join("").length;
    assert.equal(lines.join("").length - (await tailOffset(file, count)), expected);
  }
});

test("a follower gets what is written later and ends with the log", async () => {
  const log = await opened();
  log.append(out("before\n"));
  const followed = read({ follow: true }, log);
  await log.flush();
  log.append(out("after\n"));
  await log.close();
  assert.equal(await followed, "before\nafter\n");
});

test("a follower that goes away is forgotten", async () => {
  const log = await opened();
  const reader = readLog(path, { ...plain, follow: true }, log);
  reader.resume();
  reader.destroy();
  await log.close();
  assert.ok(reader.destroyed);
});

test("lines that are no entries are passed over", async () => {
  writeFileSync(
    path,
    'garbage\n{"log":3}\n{"log":"ok\\n","stream":"stdout","time":"2023-11-14T22:13:20Z"}\n{"log":"cut',
  );
  assert.equal(await read(), "ok\n");
  assert.equal(parseEntry("[]"), undefined);
  assert.equal(await read({ tail: 1 }), "");
});

test("times keep their nanoseconds", () => {
  assert.equal(parseTimeNs("2023-11-14T22:13:20.123456789Z"), START + 123_456_789n);
  assert.equal(parseTimeNs("never"), 0n);
});
