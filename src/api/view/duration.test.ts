import assert from "node:assert/strict";
import { test } from "node:test";
import { humanDuration } from "./duration.ts";

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;

test("spans are worded as docker ps words them", () => {
  const cases: readonly (readonly [number, string])[] = [
    [-5, "Less than a second"],
    [999, "Less than a second"],
    [SECOND, "1 second"],
    [59 * SECOND, "59 seconds"],
    [60 * SECOND, "About a minute"],
    [119 * SECOND, "About a minute"],
    [2 * 60 * SECOND, "2 minutes"],
    [59 * 60 * SECOND, "59 minutes"],
    [HOUR, "About an hour"],
    [1.6 * HOUR, "2 hours"],
    [47 * HOUR, "47 hours"],
    [2 * DAY, "2 days"],
    [13 * DAY, "13 days"],
    [14 * DAY, "2 weeks"],
    [60 * DAY, "2 months"],
    [730 * DAY, "2 years"],
  ];
  for (const [ms, words] of cases) assert.equal(humanDuration(ms), words, String(ms));
});
