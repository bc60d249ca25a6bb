import assert from "node:assert/strict";
import { test } from "node:test";
import { someAtOnce } from "./some-at-once.ts";

const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("everything gets its turn, in order, and never more than the limit at once", async () => {
  const begun: number[] = [];
  let running = 0;
  let most = 0;
  await someAtOnce([...Array(20).keys()], 3, async (item) => {
    begun.push(item);
    most = Math.max(most, ++running);
    for (let left = item % 4; left >= 0; left--) await turn();
    running--;
  });
  assert.deepEqual(begun, [...Array(20).keys()]);
  assert.deepEqual([most, running], [3, 0]);
  await someAtOnce([], 3, turn);
});

test("a failure is thrown after the others had their turn", async () => {
  const done: string[] = [];
  const visit = (...failing: string[]) =>
    someAtOnce(["a", "b", "c"], 2, async (item) => {
      await turn();
      if (failing.includes(item)) throw new Error(`no ${item}`);
      done.push(item);
    });
  await assert.rejects(visit("a"), { message: "no a" });
  assert.deepEqual(done, ["b", "c"]);
  await assert.rejects(visit("a", "b"), { name: "AggregateError", message: "2 of 3 failed" });
});
