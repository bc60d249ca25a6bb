/** The index answers as a scan over all ids would. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { IdIndex } from "./id-index.ts";

const id = fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom("0", "a", "f") });

test("a prefix finds the ids that begin with it, after any additions and removals", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), id)), id, (changes, prefix) => {
      const index = new IdIndex();
      const model = new Set<string>();
      for (const [adds, one] of changes) {
        if (adds) index.add(one);
        else index.remove(one);
        if (adds) model.add(one);
        else model.delete(one);
      }
      assert.deepEqual(index.withPrefix(prefix), [...model].filter((one) => one.startsWith(prefix)).sort());
      assert.deepEqual(index.withPrefix(""), []);
    }),
  );
});
