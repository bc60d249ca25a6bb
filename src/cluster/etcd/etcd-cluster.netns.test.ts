/** The store over an etcd of three members, of which some die, freeze and return. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { missingStore } from "../../../test/support/cluster-servers.ts";
import { startEtcd, type EtcdServers } from "../../../test/support/etcd-server.ts";
import { run } from "../../../test/support/run.ts";
import type { ServerProcess } from "../../../test/support/server-process.ts";
import { until } from "../../../test/support/wait.ts";
import { silentLog } from "../../base/log.ts";
import type { ClusterStore } from "../cluster-store.ts";
import { everyCallFails, RecordingFollower } from "../contract/world.fixture.ts";
import { parseClusterStoreUrl } from "../store-address.ts";
import { openEtcdStore } from "./etcd-cluster-store.ts";

const missing = missingStore("etcd");
let servers: EtcdServers;

function open(hosts = servers.hosts): ClusterStore {
  return openEtcdStore({ ...parseClusterStoreUrl(`etcd://${hosts.join(",")}/three`), log: silentLog });
}

async function leadingMember(): Promise<ServerProcess> {
  const leader = servers.members[await servers.leader()];
  assert.ok(leader);
  return leader;
}

/** What etcd has, by another way into it. */
async function readByHttp(prefix: string): Promise<ReadonlyMap<string, string>> {
  const range = { key: btoa(prefix), range_end: btoa(`${prefix}~`) };
  const ran = await run(["curl", "--silent", "-d", JSON.stringify(range), `http://${servers.hosts[0]}/v3/kv/range`]);
  const { kvs = [] }: { kvs?: { key: string; value?: string }[] } = JSON.parse(ran.stdout);
  const text = (base64 = ""): string => Buffer.from(base64, "base64").toString();
  return new Map(kvs.map(({ key, value }) => [text(key), text(value)]));
}

/** Writes keys of its own, one after the other, until told to stop; what was refused or left in doubt is tried again. */
class Writer {
  /** Keys and values of commits that were answered with true. */
  readonly acknowledged = new Map<string, string>();
  readonly doubts: string[] = [];
  readonly #prefix: string;
  readonly #store: ClusterStore;
  #stopped = false;

  constructor(prefix: string, store: ClusterStore) {
    this.#prefix = prefix;
    this.#store = store;
  }

  stop(): void {
    this.#stopped = true;
  }

  async write(): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      const key = `${this.#prefix}/${String(n).padStart(6, "0")}`;
      const value = `value ${n}`;
      try {
        const created = await this.#store.commit({ checks: [{ key, is: "absent" }], puts: [{ key, value }] });
        assert.ok(created, `${key}, which nobody else writes, was there already`);
        this.acknowledged.set(key, value);
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        this.doubts.push(String(error));
      }
    }
  }
}

describe("etcd of three members", { skip: missing }, () => {
  before(async () => (servers = await startEtcd({ members: 3 })));
  after(async () => servers[Symbol.asyncDispose]());

  it("loses nothing that was acknowledged when its leader is killed and started again, twice, under load", async () => {
    await using stack = new AsyncDisposableStack();
    const stores = servers.hosts.map(() => stack.use(open()));
    const follower = new RecordingFollower();
    const [watcher] = stores;
    assert.ok(watcher);
    stack.use(await watcher.follow("load", follower));
    const writers = stores.map((store, index) => new Writer(`load/${index}`, store));
    const writing = Promise.all(writers.map(async (writer) => writer.write()));
    const moreOfEach = async (): Promise<void> => {
      const counts = writers.map(({ acknowledged }) => acknowledged.size);
      await until(
        "every client writes",
        () => writers.every(({ acknowledged }, index) => acknowledged.size > (counts[index] ?? 0) + 20),
        30_000,
      );
    };
    try {
      for (let round = 0; round < 2; round++) {
        await moreOfEach();
        const leader = await leadingMember();
        await leader.kill();
        await moreOfEach();
        await leader.start();
      }
      await moreOfEach();
    } finally {
      for (const writer of writers) writer.stop();
      await writing;
    }
    const kept = await readByHttp("three/load/");
    for (const { acknowledged } of writers) {
      for (const [key, value] of acknowledged) assert.equal(kept.get(`three/${key}`), value, key);
    }
    await until("the follower has everything", () => follower.copy.size === kept.size);
    for (const { key, value } of follower.records()) assert.equal(kept.get(`three/${key}`), value);
  });

  it("keeps a session while its leader dies", async () => {
    await using store = open();
    const session = await store.openSession(4_000);
    await store.commit({ puts: [{ key: "session/a", value: "1", session }] });
    const hourglass = await store.openSession(4_000);
    await store.commit({ puts: [{ key: "session/hourglass", value: "1", session: hourglass }] });
    const leader = await leadingMember();
    await leader.kill();
    await until("the others serve", async () => store.get("session/a").catch(() => undefined), 20_000);
    await leader.start();
    await hourglass.abandon();
    await until("a whole ttl has passed", async () => (await store.get("session/hourglass")) === undefined, 20_000);
    assert.equal((await store.get("session/a"))?.value, "1");
  });

  it("goes on without a call that fails when the member it talks to freezes, and follows another", async () => {
    for (const member of servers.members) {
      await using store = open();
      await store.commit({ puts: [{ key: "frozen/a", value: "0" }] });
      const follower = new RecordingFollower();
      await using _following = await store.follow("frozen", follower);
      await member.freeze();
      try {
        assert.equal((await store.get("frozen/a"))?.value, "0");
        const commit = async (): Promise<boolean> => store.commit({ puts: [{ key: "frozen/a", value: "1" }] });
        await until("a write succeeds", async () => commit().catch(() => false), 20_000);
        await until("the follower knows", () => follower.copy.get("frozen/a")?.value === "1", 20_000);
      } finally {
        member.thaw();
        await member.serving();
      }
    }
  });

  it("lists everything, in pages of one moment, while the history is compacted away", async () => {
    await using store = open();
    const keys = Array.from({ length: 1_200 }, (_, index) => `many/k${String(index).padStart(4, "0")}`);
    for (let start = 0; start < keys.length; start += 50) {
      assert.ok(await store.commit({ puts: keys.slice(start, start + 50).map((key) => ({ key, value: "x" })) }));
    }
    const compact = async (): Promise<void> => {
      await store.commit({ puts: [{ key: "compacted", value: "x" }] });
      const revision = (await store.get("compacted"))?.version ?? "";
      const url = `http://${servers.hosts[0]}/v3/kv/compaction`;
      const ran = await run(["curl", "--silent", "--fail", "-d", JSON.stringify({ revision }), url]);
      assert.equal(ran.status, 0, ran.stderr);
    };
    for (let round = 0; round < 5; round++) {
      const [listed] = await Promise.all([store.list("many"), compact()]);
      assert.deepEqual(
        listed.map(({ key }) => key),
        keys,
      );
    }
  });

  it("refuses in time while most members are dead, and says so to followers of the one that is left", async () => {
    const dead = servers.members.slice(1);
    await using store = open(servers.hosts.slice(0, 1));
    await store.commit({ puts: [{ key: "quorum/a", value: "1" }] });
    const follower = new RecordingFollower();
    await using _following = await store.follow("quorum", follower);
    await Promise.all(dead.map(async (member) => member.kill()));
    await until("the follower is told", () => follower.told.includes("lost"), 20_000);
    await everyCallFails(store, "quorum");
    await servers.start();
    await until("it is back", () => follower.isBack(), 20_000);
    assert.equal((await store.get("quorum/a"))?.value, "1");
  });
});
