/** The daemon's log lines: logfmt as dockerd writes it, or JSON with the same names. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog, formatLine } from "./logger.ts";

test("a text line reads as dockerd's", () => {
  const line = formatLine(
    '{"level":"warn","time":"2026-01-02T03:04:05.000Z","container":"c1","msg":"it \\"stopped\\""}',
  );
  assert.equal(line, 'time="2026-01-02T03:04:05.000Z" level=warning msg="it \\"stopped\\"" container=c1\n');
});

test("a JSON line has time, level and msg", () => {
  const lines: string[] = [];
  createLog({ level: "info", format: "json" }, (line) => void lines.push(line)).info({ id: 7 }, "API listen on /x");
  const { time, ...rest }: Record<string, unknown> = JSON.parse(lines.join(""));
  assert.deepEqual(rest, { level: "info", id: 7, msg: "API listen on /x" });
  assert.match(String(time), /^\d{4}-/);
});

test("the level can change while the daemon runs", () => {
  const lines: string[] = [];
  const log = createLog({ level: "info", format: "text" }, (line) => void lines.push(line));
  log.debug({}, "quiet");
  log.setLevel("debug");
  log.debug({}, "loud");
  assert.equal(lines.length, 1);
  assert.match(lines.join(""), /level=debug msg=loud/);
});

test("a line break inside a message does not break the line", () => {
  assert.equal(formatLine('{"level":"info","time":"t","msg":"a\\nb"}').split("\n").length, 2);
});

test("an error among the fields is its message, and where its first cause was thrown", () => {
  const lines: string[] = [];
  const cause = new RangeError("offset is out of bounds");
  const error = new Error("create sandbox: offset is out of bounds", { cause });
  createLog({ level: "info", format: "json" }, (line) => void lines.push(line)).error({ error }, "request failed");
  const line: Record<string, unknown> = JSON.parse(lines.join(""));
  assert.equal(line["error"], "create sandbox: offset is out of bounds");
  assert.match(String(line["stack"]), /^RangeError: offset is out of bounds\n +at /);
});
