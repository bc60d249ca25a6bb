/** Ids look like Docker's. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { newId, shortId } from "./ids.ts";

it("an id is 64 hex digits, new each time, and its short form never reads as a number", () => {
  const ids = Array.from({ length: 2000 }, newId);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) {
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.match(shortId(id), /^(?=.*[a-f])[0-9a-f]{12}$/);
    assert.ok(id.startsWith(shortId(id)));
  }
});
