/** Who waits for a container's end, and who has given up. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ContainerEntry } from "./container-entry.ts";
import { PLAIN_RECORD } from "./container-record.fixture.ts";

test("who gives up waiting is forgotten, and the others are told", async () => {
  const entry = new ContainerEntry(PLAIN_RECORD, "/data");
  const patience = new AbortController();
  const impatient = [entry.nextExit(patience.signal), entry.removal(patience.signal)];
  const patient = [entry.nextExit(), entry.removal(new AbortController().signal)];
  assert.equal(entry.waiters, 4);
  patience.abort(new Error("gone"));
  for (const wait of impatient) await assert.rejects(wait, { message: "gone" });
  await assert.rejects(entry.nextExit(patience.signal), { message: "gone" });
  assert.equal(entry.waiters, 2);
  entry.tellRemoval({ exitCode: 3 });
  assert.deepEqual(await Promise.all(patient), [{ exitCode: 3 }, { exitCode: 3 }]);
  assert.equal(entry.waiters, 0);
});
