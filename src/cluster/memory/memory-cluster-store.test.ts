/** The store in memory keeps the contract, and has the accidents that tests ask it for. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { until } from "../../../test/support/wait.ts";
import { RecordingFollower } from "../contract/world.fixture.ts";
import { clusterStoreContract } from "../cluster-store.contract.ts";
import { MemoryCluster } from "./memory-cluster.ts";

clusterStoreContract(
  "memory",
  async () => {
    const cluster = new MemoryCluster();
    return {
      open: async () => {
        const store = cluster.client();
        return { store, cut: () => store.cut(), heal: () => store.heal() };
      },
      stop: async () => cluster.stop(),
      start: async () => cluster.start(),
      [Symbol.asyncDispose]: async () => undefined,
    };
  },
  { ttlMs: 200, expiryMs: 5_000, noticeMs: 5_000 },
);

it("memory: a lost answer leaves its caller in doubt about what was written", async () => {
  const cluster = new MemoryCluster();
  await using store = cluster.client();
  store.loseNextAnswer();
  await assert.rejects(store.commit({ puts: [{ key: "a", value: "1" }] }), /no answer in time/);
  assert.equal((await store.get("a"))?.value, "1");
});

it("memory: sessions expire at command, and their owner is told", async () => {
  const cluster = new MemoryCluster();
  await using store = cluster.client();
  const session = await store.openSession(60_000);
  await store.commit({ puts: [{ key: "a", value: "1", session }] });
  store.expireSessions();
  assert.match(await session.ended, /expired/);
  assert.equal(cluster.size, 0);
});

it("memory: a client that is cut off cannot end its session, which runs out", async () => {
  const cluster = new MemoryCluster();
  await using store = cluster.client();
  const session = await store.openSession(50);
  await store.commit({ puts: [{ key: "a", value: "1", session }] });
  store.cut();
  await session[Symbol.asyncDispose]();
  assert.equal(cluster.size, 1);
  store.heal();
  await until("the session ran out", () => cluster.size === 0);
});

it("memory: a follower that was disposed is not told of what was on its way", async () => {
  const cluster = new MemoryCluster();
  await using store = cluster.client();
  const [gone, stays] = [new RecordingFollower(), new RecordingFollower()];
  const following = await store.follow("a", gone);
  await using _stays = await store.follow("a", stays);
  cluster.corrupt("a/b", "1");
  await following[Symbol.asyncDispose]();
  await until("the other is told", () => stays.copy.size === 1);
  assert.deepEqual(gone.told, ["replace"]);
});

it("memory: followers see what somebody corrupted, and no request is counted for it", async () => {
  const cluster = new MemoryCluster();
  await using store = cluster.client();
  const follower = new RecordingFollower();
  await using _following = await store.follow("a", follower);
  cluster.corrupt("a/b", "{");
  await until("the follower is told", () => follower.copy.get("a/b")?.value === "{");
  cluster.corrupt("a/b", undefined);
  await until("the follower is told", () => follower.copy.size === 0);
  assert.equal(cluster.requests, 1);
});
