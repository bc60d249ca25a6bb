import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { FairQueue } from "./fair-queue.ts";

function queue(limits: { total: number; waiting: number }) {
  const started: string[] = [];
  return { started, queue: new FairQueue<string>(limits, (task) => void started.push(task)) };
}

test("no key runs more tasks than places are free; the rest wait", () => {
  const { queue: fair, started } = queue({ total: 4, waiting: 10 });
  for (const task of ["a1", "a2", "a3", "b1", "b2"]) assert.ok(fair.offer(task.slice(0, 1), task));
  assert.deepEqual(started, ["a1", "a2", "b1"]);
  fair.finished("b");
  assert.deepEqual(started, ["a1", "a2", "b1", "b2"]);
  fair.finished("a");
  fair.finished("a");
  assert.deepEqual(started, ["a1", "a2", "b1", "b2", "a3"]);
});

test("however many want everything, whoever comes next starts at once", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), (greedy) => {
      const { queue: fair, started } = queue({ total: 64, waiting: 1000 });
      for (let index = 0; index < 200; index++) {
        for (let key = 0; key < greedy; key++) fair.offer(`k${key}`, `k${key}`);
      }
      fair.offer("late", "late");
      assert.equal(started.at(-1), "late");
      assert.ok(started.length <= 64);
    }),
  );
});

test("one who asks a hundred things delays another by one turn", () => {
  const { queue: fair, started } = queue({ total: 1, waiting: 100 });
  for (let index = 0; index < 100; index++) fair.offer("greedy", `g${index}`);
  fair.offer("modest", "m0");
  fair.finished("greedy");
  fair.finished("greedy");
  assert.deepEqual(started, ["g0", "g1", "m0"]);
  fair.finished("modest");
  assert.deepEqual(started, ["g0", "g1", "m0", "g2"]);
});

test("a full line refuses, and what was withdrawn is never started", () => {
  const { queue: fair, started } = queue({ total: 1, waiting: 1 });
  assert.ok(fair.offer("a", "a1"));
  assert.ok(fair.offer("a", "a2"));
  assert.equal(fair.offer("a", "a3"), false);
  assert.ok(fair.withdraw("a", "a2"));
  assert.equal(fair.withdraw("a", "a1"), false);
  fair.finished("a");
  assert.deepEqual(started, ["a1"]);
});

test("a task that ends while it starts frees its place", () => {
  const started: number[] = [];
  const fair: FairQueue<number> = new FairQueue({ total: 1, waiting: 9 }, (task) => {
    started.push(task);
    fair.finished("a");
  });
  for (let task = 0; task < 5; task++) assert.ok(fair.offer("a", task));
  assert.deepEqual(started, [0, 1, 2, 3, 4]);
});
