/** Each request to the cluster store is told once, with how it ended, and its answer is the store's own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError } from "../base/errors.ts";
import type { ClusterStore } from "./cluster-store.ts";
import { CountedStore } from "./counted-store.ts";

function scripted(): ClusterStore {
  const nothing: AsyncDisposable = { [Symbol.asyncDispose]: () => Promise.resolve() };
  const away = (): never => {
    throw new EngineError("unavailable", "away");
  };
  return {
    address: "memory://",
    get: async (key) => Promise.resolve(key === "x" ? away() : { key, value: "1", version: "7" }),
    list: () => Promise.resolve([]),
    commit: ({ checks = [] }) => Promise.resolve(checks.length === 0),
    follow: () => Promise.resolve(nothing),
    openSession: (ttlMs) =>
      Promise.resolve({ ...nothing, id: "s", ttlMs, abandon: () => Promise.resolve(), ended: new Promise(() => {}) }),
    ...nothing,
  };
}

test("requests are told by kind and by how they ended", async () => {
  const told: string[] = [];
  await using store = new CountedStore(scripted(), (operation, outcome) => void told.push(`${operation} ${outcome}`));
  assert.deepEqual(await store.get("a"), { key: "a", value: "1", version: "7" });
  await assert.rejects(store.get("x"), { message: "away", code: "unavailable" });
  assert.equal(await store.commit({ puts: [] }), true);
  assert.equal(await store.commit({ checks: [{ key: "a", is: "absent" }] }), false);
  await store.list("a");
  const follower = { replace: () => {}, change: () => {}, connection: () => {} };
  await using _following = await store.follow("a", follower);
  await using session = await store.openSession(9000);
  assert.equal(session.ttlMs, 9000);
  assert.deepEqual(told, [
    "get done",
    "get failed",
    "commit done",
    "commit refused",
    "list done",
    "follow done",
    "session done",
  ]);
});
