/** Times as Docker prints them, and a clock that never stands still. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { formatTimeNs, systemClock } from "./clock.ts";

const FORMATS: readonly (readonly [ns: bigint | undefined, text: string])[] = [
  [undefined, "0001-01-01T00:00:00Z"],
  [0n, "1970-01-01T00:00:00Z"],
  [1_700_000_000_000_000_000n, "2023-11-14T22:13:20Z"],
  [1_700_000_000_123_456_789n, "2023-11-14T22:13:20.123456789Z"],
  [1_700_000_000_100_000_000n, "2023-11-14T22:13:20.1Z"],
  [1_700_000_000_000_000_001n, "2023-11-14T22:13:20.000000001Z"],
];
for (const [ns, text] of FORMATS) {
  it(`${ns} nanoseconds are printed as ${text}`, () => assert.equal(formatTimeNs(ns), text));
}

it("the system's nanoseconds grow with every call and agree with its milliseconds", () => {
  let last = systemClock.nowNs();
  for (let round = 0; round < 10_000; round++) {
    const now = systemClock.nowNs();
    assert.ok(now > last);
    last = now;
  }
  assert.ok(Math.abs(Number(last / 1_000_000n) - systemClock.now()) < 1000);
});
