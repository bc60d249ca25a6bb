import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { detachFilter, parseDetachKeys } from "./detach-keys.ts";

test("detach keys are control keys and characters", () => {
  assert.deepEqual([...parseDetachKeys("")], [16, 17]);
  assert.deepEqual([...parseDetachKeys("ctrl-a,x,ctrl-[,ctrl-@")], [1, 120, 27, 0]);
  for (const bad of ["zz", "ctrl-", "ctrl-1", "a,,b", "é"]) {
    assert.throws(() => parseDetachKeys(bad), new RegExp(`Invalid detach keys \\(${bad}\\) provided`));
  }
});

async function typed(chunks: readonly number[][], keys: number[]): Promise<{ passed: number[]; detached: boolean }> {
  let detached = false;
  const filter = detachFilter(Buffer.from(keys), () => (detached = true));
  for (const chunk of chunks) filter.write(Buffer.from(chunk));
  filter.end();
  const passed: number[] = [];
  for await (const chunk of filter) passed.push(...Buffer.from(chunk));
  return { passed, detached };
}

test("the sequence detaches, also over two packets, and is not passed on", async () => {
  assert.deepEqual(await typed([[97, 16, 17, 98]], [16, 17]), { passed: [97], detached: true });
  assert.deepEqual(await typed([[97, 16], [17], [98]], [16, 17]), { passed: [97], detached: true });
});

test("keys that only begin the sequence are passed on", async () => {
  assert.deepEqual(await typed([[16, 98]], [16, 17]), { passed: [16, 98], detached: false });
  assert.deepEqual(await typed([[16], [16], [98]], [16, 17]), { passed: [16, 16, 98], detached: false });
});

test("input without the sequence arrives whole, however it is cut", async () => {
  const bytes = fc.array(fc.array(fc.constantFrom(16, 17, 97), { maxLength: 6 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(bytes, async (chunks) => {
      const { passed, detached } = await typed(chunks, [16, 17]);
      const all = chunks.flat();
      if (detached) return;
      const heldBack = all.at(-1) === 16 ? 1 : 0;
      assert.deepEqual(passed, all.slice(0, all.length - heldBack));
    }),
  );
});
