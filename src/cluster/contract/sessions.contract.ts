/** Sessions: their keys live as long as they do, and the owner learns of their end. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { until } from "../../../test/support/wait.ts";
import type { ContractTimes } from "../cluster-store.contract.ts";
import type { ClusterStore } from "../cluster-store.ts";
import { failsInvalid, failsUnavailable, inTime, RecordingFollower, type ContractSuite } from "./world.fixture.ts";

async function gone(store: ClusterStore, key: string, timeoutMs?: number): Promise<void> {
  await until(`${key} is gone`, async () => (await store.get(key)) === undefined, timeoutMs);
}

export function sessionsContract(suite: ContractSuite, { ttlMs, expiryMs, noticeMs }: ContractTimes): void {
  it(
    "removes a session's keys, and only those, when it is disposed",
    suite.stores(2, async (prefix, store, other) => {
      const [own, bystander, plain] = [`${prefix}/own`, `${prefix}/bystander`, `${prefix}/plain`];
      const session = await store.openSession(ttlMs);
      assert.notEqual(session.id, "");
      assert.ok(session.ttlMs >= ttlMs, String(session.ttlMs));
      await using stays = await other.openSession(ttlMs);
      await other.commit({ puts: [{ key: bystander, value: "1", session: stays }] });
      await store.commit({
        puts: [
          { key: own, value: "1", session },
          { key: plain, value: "1" },
        ],
      });
      const follower = new RecordingFollower();
      await using _following = await other.follow(prefix, follower);
      assert.equal(follower.copy.size, 3);
      await session[Symbol.asyncDispose]();
      await session[Symbol.asyncDispose]();
      await gone(other, own);
      await until("followers are told", () => !follower.copy.has(own));
      assert.deepEqual([...follower.copy.keys()].sort(), [bystander, plain]);
    }),
  );

  it(
    "binds a key to the session of its last write, or to none",
    suite.stores(1, async (prefix, store) => {
      const [kept, changed] = [`${prefix}/kept`, `${prefix}/changed`];
      const [freed, taken] = [`${prefix}/freed`, `${prefix}/taken`];
      const first = await store.openSession(ttlMs);
      const second = await store.openSession(ttlMs);
      assert.notEqual(first.id, second.id);
      const bound = [kept, changed, freed].map((key) => ({ key, value: "1", session: first }));
      await store.commit({ puts: [...bound, { key: taken, value: "1" }] });
      const versions = new Map((await store.list(prefix)).map(({ key, version }) => [key, version]));
      const puts = [
        { key: kept, value: "2", session: first },
        { key: freed, value: "2" },
        { key: taken, value: "2", session: first },
      ];
      const checks = puts.map(({ key }) => ({ key, version: versions.get(key) ?? "" }));
      const change = { key: changed, value: "2", session: second };
      await failsInvalid(store.commit({ checks, puts: [...puts, change] }), "two sessions in one transaction");
      assert.equal(await store.commit({ checks, puts }), true);
      const check = { key: changed, version: versions.get(changed) ?? "" };
      assert.equal(await store.commit({ checks: [check], puts: [change] }), true);
      assert.deepEqual([...new Set((await store.list(prefix)).map(({ value }) => value))], ["2"]);
      await first[Symbol.asyncDispose]();
      await gone(store, kept);
      await gone(store, taken);
      assert.equal((await store.get(changed))?.value, "2");
      await second[Symbol.asyncDispose]();
      await gone(store, changed);
      assert.equal((await store.get(freed))?.value, "2");
    }),
  );

  it(
    "ends the sessions of a client that is closed",
    suite.stores(2, async (prefix, store, other) => {
      const key = `${prefix}/a`;
      const session = await store.openSession(ttlMs);
      await store.commit({ puts: [{ key, value: "1", session }] });
      await store[Symbol.asyncDispose]();
      await gone(other, key);
    }),
  );

  it(
    "ends the session of a client that is cut off, keeps those of others, and tells its owner once it can",
    suite.clients(2, async (prefix, one, two) => {
      const [dead, alive] = [`${prefix}/dead`, `${prefix}/alive`];
      const session = await one.store.openSession(ttlMs);
      await using kept = await two.store.openSession(ttlMs);
      await one.store.commit({ puts: [{ key: dead, value: "1", session }] });
      await two.store.commit({ puts: [{ key: alive, value: "1", session: kept }] });
      const follower = new RecordingFollower();
      await using _following = await two.store.follow(prefix, follower);
      one.cut();
      await gone(two.store, dead, expiryMs);
      await until("followers are told", () => !follower.copy.has(dead));
      assert.equal((await two.store.get(alive))?.value, "1", "a session of the same length that is kept alive");
      one.heal();
      const reasons: string[] = [];
      void session.ended.then((reason) => reasons.push(reason));
      await until("its owner is told", () => reasons.length > 0, noticeMs);
      assert.notEqual(reasons[0], "");
      await until("the client works again", async () => one.store.get(alive).catch(() => undefined), noticeMs);
      await failsUnavailable(
        one.store,
        "a write for a session that is over",
        one.store.commit({
          puts: [
            { key: dead, value: "2", session },
            { key: `${prefix}/b`, value: "2" },
          ],
        }),
      );
      assert.deepEqual(
        (await two.store.list(prefix)).map(({ key }) => key),
        [alive],
      );
    }),
  );

  it(
    "leaves an abandoned session's keys to the next client, and ends those that nobody takes over",
    suite.stores(3, async (prefix, before, after, other) => {
      const [taken, left] = [`${prefix}/taken`, `${prefix}/left`];
      const session = await before.openSession(ttlMs);
      await before.commit({ puts: [taken, left].map((key) => ({ key, value: "1", session })) });
      await session.abandon();
      await session[Symbol.asyncDispose]();
      await before[Symbol.asyncDispose]();
      assert.equal((await other.list(prefix)).length, 2);
      const successor = await after.openSession(ttlMs);
      await after.commit({
        checks: [{ key: taken, is: "present" }],
        puts: [{ key: taken, value: "2", session: successor }],
      });
      await gone(other, left, expiryMs);
      assert.equal((await other.get(taken))?.value, "2");
      await successor[Symbol.asyncDispose]();
      await gone(other, taken);
    }),
  );

  it(
    "disposes a session without complaint while the client is cut off; the store ends it in time",
    suite.clients(2, async (prefix, one, two) => {
      const key = `${prefix}/a`;
      const session = await one.store.openSession(ttlMs);
      await one.store.commit({ puts: [{ key, value: "1", session }] });
      one.cut();
      await inTime("disposal", session[Symbol.asyncDispose]());
      await gone(two.store, key, expiryMs);
      one.heal();
    }),
  );
}
