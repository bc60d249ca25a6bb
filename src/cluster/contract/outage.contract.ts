/** The store goes away and comes back. What answers in its place when it is not a store at all: `rubbish.contract.ts`. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { until } from "../../../test/support/wait.ts";
import type { ContractTimes } from "../cluster-store.contract.ts";
import { everyCallFails, failsUnavailable, inTime, RecordingFollower, type ContractSuite } from "./world.fixture.ts";

export function outageContract(suite: ContractSuite, { noticeMs, ttlMs }: ContractTimes): void {
  it(
    "fails every call in time while the store is away, and has everything again when it is back",
    suite.stores(1, async (prefix, store) => {
      const key = `${prefix}/a`;
      await store.commit({ puts: [{ key, value: "before" }] });
      const before = await store.list(prefix);
      const follower = new RecordingFollower();
      await using _following = await store.follow(prefix, follower);
      await suite.world.stop();
      try {
        await everyCallFails(store, prefix);
        await until("followers are told", () => follower.told.includes("lost"), noticeMs);
      } finally {
        await suite.world.start();
      }
      await until("calls succeed again", async () => store.get(key).catch(() => undefined), noticeMs);
      assert.deepEqual(await store.list(prefix), before);
      await until("followers are told", () => follower.isBack(), noticeMs);
      await until("they know all", () => isDeepStrictEqual(follower.records(), before));
      const session = await store.openSession(ttlMs);
      await store.commit({ puts: [{ key, value: "after", session }] });
      await until("following goes on", () => follower.copy.get(key)?.value === "after");
      await session[Symbol.asyncDispose]();
      await until("following goes on", () => !follower.copy.has(key));
    }),
  );

  it(
    "fails in time when its cable is pulled in the middle of its calls, and closes in time",
    suite.clients(2, async (prefix, one, two) => {
      const key = `${prefix}/a`;
      await one.store.commit({ puts: [{ key, value: "1" }] });
      await using _following = await one.store.follow(prefix, new RecordingFollower());
      await one.store.openSession(ttlMs);
      one.cut();
      await everyCallFails(one.store, prefix);
      assert.equal((await two.store.get(key))?.value, "1");
      const waiting = failsUnavailable(one.store, "a call when the client closes", one.store.get(key));
      await inTime("closing", one.store[Symbol.asyncDispose]());
      await waiting;
      one.heal();
    }),
  );
}
