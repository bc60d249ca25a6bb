/** Following: a local copy that is whole, in order, and whole again after an interruption. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { until } from "../../../test/support/wait.ts";
import type { ContractTimes } from "../cluster-store.contract.ts";
import type { ClusterStore } from "../cluster-store.ts";
import { RecordingFollower, type ContractSuite } from "./world.fixture.ts";

/** Waits until the copy is what the store has. */
async function inStep(follower: RecordingFollower, store: ClusterStore, prefix: string, timeoutMs?: number) {
  const expected = JSON.stringify(await store.list(prefix));
  await until("the copy is what the store has", () => JSON.stringify(follower.records()) === expected, timeoutMs);
}

export function followContract(suite: ContractSuite, times: ContractTimes): void {
  followingWhileConnected(suite);

  it(
    "is told of a lost connection, and is in step again once it is back",
    suite.clients(2, async (prefix, one, two) => {
      const follower = new RecordingFollower();
      const puts = ["a", "b"].map((name) => ({ key: `${prefix}/${name}`, value: "old" }));
      await two.store.commit({ puts });
      await using _following = await one.store.follow(prefix, follower);
      one.cut();
      await two.store.commit({ puts: [{ key: `${prefix}/a`, value: "new" }], removes: [`${prefix}/b`] });
      await two.store.commit({ puts: [{ key: `${prefix}/c`, value: "new" }] });
      await until("the loss is noticed", () => follower.told.includes("lost"), times.noticeMs);
      assert.deepEqual(follower.told, ["replace", "lost"]);
      assert.notEqual(follower.reasons[0] ?? "", "");
      one.heal();
      await until("it is back", () => follower.isBack(), times.noticeMs);
      await inStep(follower, two.store, prefix);
      await two.store.commit({ puts: [{ key: `${prefix}/d`, value: "later" }] });
      await inStep(follower, two.store, prefix);
    }),
  );
}

function followingWhileConnected(suite: ContractSuite): void {
  it(
    "has the first whole copy when it resolves: what is below the prefix, and nothing else",
    suite.stores(1, async (prefix, store) => {
      const keys = ["in/a", "in/b/c", "inside", "out/a"].map((key) => `${prefix}/${key}`);
      await store.commit({ puts: keys.map((key) => ({ key, value: "1" })) });
      const follower = new RecordingFollower();
      await using _following = await store.follow(`${prefix}/in`, follower);
      assert.deepEqual(follower.records(), await store.list(`${prefix}/in`));
      assert.deepEqual(follower.told, ["replace"]);
      const puts = [`${prefix}/out/b`, `${prefix}/in/d`].map((key) => ({ key, value: "2" }));
      await store.commit({ puts, removes: [`${prefix}/inside`, `${prefix}/in/a`] });
      await inStep(follower, store, `${prefix}/in`);
      assert.deepEqual([...follower.copy.keys()].sort(), [`${prefix}/in/b/c`, `${prefix}/in/d`]);
      assert.equal(follower.seen.has(`${prefix}/out/b`), false);
    }),
  );

  it(
    "tells of changes, removals and creations anew, with the versions that reading gives",
    suite.stores(2, async (prefix, writer, store) => {
      const follower = new RecordingFollower();
      await using _following = await store.follow(prefix, follower);
      const key = `${prefix}/a`;
      for (const step of ["1", "2", undefined, "1"]) {
        await writer.commit(step === undefined ? { removes: [key] } : { puts: [{ key, value: step }] });
        await inStep(follower, writer, prefix);
      }
      assert.deepEqual(follower.seen.get(key), ["1", "2", "1"]);
    }),
  );

  it(
    "loses no change of writers that write while it starts and after, and never goes back",
    suite.stores(3, async (prefix, one, two, three) => {
      const follower = new RecordingFollower();
      const write = async (store: ClusterStore, name: string): Promise<void> => {
        for (let n = 0; n < 60; n++) {
          const counter = { key: `${prefix}/${name}-counter`, value: String(n) };
          const other = `${prefix}/${name}-${n % 7}`;
          await store.commit(
            n % 3 === 0 ? { puts: [counter], removes: [other] } : { puts: [counter, { key: other, value: "x" }] },
          );
        }
      };
      const writing = [write(one, "one"), write(two, "two")];
      await using _following = await three.follow(prefix, follower);
      await Promise.all([...writing, write(three, "three")]);
      await inStep(follower, one, prefix);
      for (const name of ["one", "two", "three"]) {
        const seen = (follower.seen.get(`${prefix}/${name}-counter`) ?? []).map(Number);
        assert.deepEqual(
          seen,
          seen.toSorted((a, b) => a - b),
        );
        assert.equal(seen.at(-1), 59);
      }
    }),
  );

  it(
    "serves several followers of one client, each what it asked for, until it is disposed",
    suite.stores(1, async (prefix, store) => {
      const [left, right] = [new RecordingFollower(), new RecordingFollower()];
      const following = await store.follow(`${prefix}/left`, left);
      await using _right = await store.follow(`${prefix}/right`, right);
      const both = (value: string) => ({
        puts: ["left", "right"].map((side) => ({ key: `${prefix}/${side}/a`, value })),
      });
      await store.commit(both("1"));
      await inStep(left, store, `${prefix}/left`);
      await inStep(right, store, `${prefix}/right`);
      const underWay = store.commit(both("2"));
      const disposal = following[Symbol.asyncDispose]();
      const told = left.told.length;
      await Promise.all([underWay, disposal, following[Symbol.asyncDispose]()]);
      await store.commit(both("3"));
      await inStep(right, store, `${prefix}/right`);
      assert.equal(left.told.length, told);
      assert.deepEqual([...left.copy.keys(), ...right.copy.keys()], [`${prefix}/left/a`, `${prefix}/right/a`]);
    }),
  );

  it(
    "goes on when the follower throws",
    suite.stores(1, async (prefix, store) => {
      const follower = new RecordingFollower();
      const fail = (told: unknown): never => {
        throw new Error(`thrown by the follower of a test, told ${String(told)}`);
      };
      await using _following = await store.follow(prefix, {
        replace: (records) => fail(follower.replace(records)),
        change: (puts, removes) => fail(follower.change(puts, removes)),
        connection: (state, reason) => fail(follower.connection(state, reason)),
      });
      for (const value of ["1", "2"]) {
        await store.commit({ puts: [{ key: `${prefix}/a`, value }] });
        await inStep(follower, store, prefix);
      }
    }),
  );
}
