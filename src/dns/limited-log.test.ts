import assert from "node:assert/strict";
import { test } from "node:test";
import { LimitedLog } from "./limited-log.ts";

test("a thing is said once per two seconds, then with how often it was held back; another thing is said at once", () => {
  let now = 0;
  const said: [string, unknown][] = [];
  const log = new LimitedLog((fields, message) => void said.push([message, fields["suppressed"]]), { now: () => now });
  for (let count = 0; count < 1000; count++) log.warn({}, "first");
  log.warn({}, "second");
  now = 2000;
  log.warn({}, "first");
  assert.deepEqual(said, [
    ["first", undefined],
    ["second", undefined],
    ["first", 999],
  ]);
});
