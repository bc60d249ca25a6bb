/** Pauses before trying again are drawn from spans that grow. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { drawPause } from "./retry-pause.ts";

const PAUSES = { firstMs: 100, mostMs: 1_000 };

it("draws pauses from a span that doubles with each failure, up to its most", () => {
  for (const [failures, mostMs] of [
    [0, 100],
    [1, 200],
    [3, 800],
    [4, 1_000],
    [5_000, 1_000],
  ] as const) {
    const drawn = Array.from({ length: 200 }, () => drawPause(PAUSES, failures));
    assert.ok(drawn.every((pauseMs) => pauseMs >= 0 && pauseMs <= mostMs));
    assert.ok(Math.max(...drawn) > mostMs / 2 && Math.min(...drawn) < mostMs / 2, "they differ");
  }
});
