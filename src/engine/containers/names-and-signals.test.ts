/** Names, signals, process rows and the meaning of the OCI runtime's errors. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError } from "../../base/errors.ts";
import { randomName, validateName } from "./names.ts";
import { formatRow } from "./process-list.ts";
import { containerStartFailure, execStartFailure } from "./runtime-errors.ts";
import { parseSignal } from "./signals.ts";

test("a name has two characters or more, of Docker's set; one leading slash is dropped", () => {
  assert.equal(validateName("/web-1.a_b"), "web-1.a_b");
  for (const bad of ["", "a", "-ab", "a b", "ab\n", "//ab", "ä1", "a/b"]) {
    assert.throws(() => validateName(bad), {
      message: `Invalid container name (${bad}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    });
  }
});

test("a random name is a valid one that is not taken", () => {
  let asked = 0;
  const name = randomName(() => ++asked <= 8);
  assert.match(name, /^[a-z]+_[a-z]+\d+$/);
  assert.equal(validateName(name), name);
});

test("signals are numbers or names, with or without SIG", () => {
  assert.deepEqual(["9", "KILL", "SIGKILL", "term", "SIGRTMIN+3", "RTMAX-1"].map(parseSignal), [9, 9, 9, 15, 37, 63]);
  for (const bad of ["0", "65", "", "SIGNOPE", "-9", "RTMIN+40"]) {
    assert.throws(() => parseSignal(bad), { code: "invalid-argument", message: `invalid signal: ${bad}` });
  }
});

test("a process row has the columns of ps -ef, whatever the process calls itself", () => {
  const stat = `42 (a) b (c) S 7 42 42 34817 42 4194560 0 0 0 0 150 250 0 0 20 0 1 0 6000 0 0`;
  const row = formatRow(
    { pid: 42, stat, status: "Name:\ta\nUid:\t33\t33\t33\t33\n", commandLine: "sleep\x0010\0" },
    { users: new Map([[33, "web"]]), bootTime: 0 },
  );
  assert.deepEqual([...row.slice(0, 4), ...row.slice(5)], ["web", "42", "7", "0", "pts/1", "00:00:04", "sleep 10"]);
  const bare = formatRow({ pid: 2, stat, status: "", commandLine: "" }, { users: new Map(), bootTime: 0 });
  assert.equal(bare.at(-1), "[a) b (c]");
});

test("the runtime's errors become the exit codes of a shell", () => {
  const runc = (text: string): EngineError => new EngineError("internal", `OCI runtime create failed: runc: ${text}`);
  const codeOf = (text: string): number => containerStartFailure(runc(text), "create").exitCode;
  assert.equal(codeOf('exec: "x": executable file not found in $PATH'), 127);
  assert.equal(codeOf('exec: "/x": permission denied'), 126);
  assert.equal(codeOf("something else"), 128);
  const failure = containerStartFailure(runc('exec: "x": executable file not found in $PATH'), "create");
  assert.equal(failure.error.code, "invalid-argument");
  assert.match(failure.error.message, /^failed to create task for container: OCI runtime/);
  const away = new EngineError("unavailable", "containerd is unavailable");
  assert.deepEqual([containerStartFailure(away, "create").error, execStartFailure(away, "c").error], [away, away]);
});

test("an exec in a container that ended meanwhile is refused as in one that does not run", () => {
  for (const error of [
    new EngineError("not-found", "task abc not found: not found"),
    new EngineError("internal", "cannot exec in a stopped state: unknown"),
    new EngineError("internal", "ttrpc: closed: unknown"),
  ]) {
    const failure = execStartFailure(error, "c1");
    assert.deepEqual([failure.error.code, failure.error.message], ["conflict", "container c1 is not running"]);
  }
});
