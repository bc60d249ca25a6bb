/** Mutual exclusion per key: order, independence, failure, and no deadlock whatever the keys. */
import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { KeyedMutex } from "./keyed-mutex.ts";

describe("a keyed mutex", () => {
  it("lets holders of one key in one after the other, in order of asking", async () => {
    const mutex = new KeyedMutex();
    const log: string[] = [];
    const body = (name: string) => async (): Promise<void> => {
      log.push(`${name} in`);
      await nextTurn();
      log.push(`${name} out`);
    };
    await Promise.all(["a", "b", "c"].map((name) => mutex.run("key", body(name))));
    assert.deepEqual(log, ["a in", "a out", "b in", "b out", "c in", "c out"]);
  });

  it("never makes holders of different keys wait for each other", async () => {
    const mutex = new KeyedMutex();
    const gate = Promise.withResolvers<void>();
    const held = mutex.run("one", () => gate.promise);
    assert.equal(await mutex.run("two", async () => "done"), "done");
    gate.resolve();
    await held;
  });

  it("gives the result, or the error, and lets the next one in after either", async () => {
    const mutex = new KeyedMutex();
    await assert.rejects(
      mutex.run("key", async () => assert.fail("broken")),
      /broken/,
    );
    assert.equal(await mutex.run("key", async () => 42), 42);
  });

  it("takes a key that is named twice once", async () => {
    assert.equal(await new KeyedMutex().run(["a", "a"], async () => "in"), "in");
  });

  it("excludes by every key and never deadlocks, whatever keys are asked for in whatever order", async () => {
    const keys = fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(keys, { maxLength: 12 }), async (requests) => {
        const mutex = new KeyedMutex();
        const held = new Set<string>();
        const work = requests.map((request) =>
          mutex.run(request, async () => {
            const wanted = new Set(request);
            assert.ok(held.isDisjointFrom(wanted));
            for (const key of wanted) held.add(key);
            await nextTurn();
            for (const key of wanted) held.delete(key);
          }),
        );
        await Promise.all(work);
      }),
    );
  });
});
