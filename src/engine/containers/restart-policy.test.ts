/** Docker's restart policies and back-off. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PLAIN_SPEC } from "../plain-spec.fixture.ts";
import type { ContainerSpec } from "../container-spec.ts";
import { nextRestart, startsWithEngine } from "./restart-policy.ts";
import { PLAIN_RECORD } from "./container-record.fixture.ts";

type Policy = ContainerSpec["restartPolicy"]["name"];
const spec = (name: Policy, maximumRetries = 0): ContainerSpec => ({
  ...PLAIN_SPEC,
  restartPolicy: { name, maximumRetries },
});

test("no stays down; always and unless-stopped come back; on-failure only after a failure", () => {
  const again = (name: Policy, exitCode: number): boolean =>
    nextRestart({ spec: spec(name), restartCount: 0 }, exitCode, 1) !== undefined;
  assert.deepEqual([again("no", 1), again("always", 0), again("unless-stopped", 0)], [false, true, true]);
  assert.deepEqual([again("on-failure", 0), again("on-failure", 1)], [false, true]);
});

test("retries are counted", () => {
  const next = (restartCount: number) => nextRestart({ spec: spec("on-failure", 3), restartCount }, 1, 0);
  assert.notEqual(next(2), undefined);
  assert.equal(next(3), undefined);
});

test("the delay doubles from 100 ms to a minute, and a good run resets it", () => {
  const delay = (restartCount: number, seconds = 0) =>
    nextRestart({ spec: spec("always"), restartCount }, 1, seconds)?.delayMs;
  assert.deepEqual(
    [0, 1, 5, 50].map((count) => delay(count)),
    [100, 200, 3200, 60_000],
  );
  assert.equal(delay(50, 10), 100);
});

test("with the engine start those that were not stopped by hand; always starts in any case", () => {
  const ended = { status: "exited", exitCode: 0, finishedNs: 1n, oomKilled: false } as const;
  const starts = (name: Policy, change: object = {}): boolean =>
    startsWithEngine({ ...PLAIN_RECORD, spec: spec(name), state: ended, ...change });
  assert.ok(starts("always", { manuallyStopped: true }));
  assert.ok(starts("unless-stopped") && !starts("unless-stopped", { manuallyStopped: true }));
  assert.ok(!starts("on-failure") && starts("on-failure", { state: { ...ended, exitCode: 1 } }));
  assert.ok(!starts("no") && !starts("always", { state: { status: "created" } }));
});
