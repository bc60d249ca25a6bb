/** Following a real etcd that is slow, interrupted, compacted or exchanged: nothing is missed, and nothing is read without need. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Cable } from "../../../test/support/cable.ts";
import { missingStore } from "../../../test/support/cluster-servers.ts";
import { startEtcd, type EtcdServers } from "../../../test/support/etcd-server.ts";
import { run } from "../../../test/support/run.ts";
import { until } from "../../../test/support/wait.ts";
import { silentLog } from "../../base/log.ts";
import type { ClusterStore } from "../cluster-store.ts";
import { RecordingFollower } from "../contract/world.fixture.ts";
import { openEtcdStore } from "./etcd-cluster-store.ts";

const missing = missingStore("etcd");
/** A pulled cable is noticed by probes, after 9 s at most. */
const NOTICE_MS = 20_000;
/** Five pages. */
const RECORDS = 2_400;

let servers: EtcdServers;

function address(of = servers): string {
  return of.hosts[0] ?? "";
}

function openAt(port: number): ClusterStore {
  return openEtcdStore({ hosts: [{ host: "127.0.0.1", port }], prefix: "following", log: silentLog });
}

function portOf(of = servers): number {
  return Number(address(of).split(":")[1]);
}

/** As many keys below the prefix. */
async function fill(store: ClusterStore, prefix: string, count = RECORDS): Promise<void> {
  const keys = Array.from({ length: count }, (_, index) => `${prefix}/k${String(index).padStart(5, "0")}`);
  for (let start = 0; start < count; start += 60) {
    assert.ok(await store.commit({ puts: keys.slice(start, start + 60).map((key) => ({ key, value: "old" })) }));
  }
}

async function inStep(follower: RecordingFollower, store: ClusterStore, prefix: string): Promise<void> {
  const expected = JSON.stringify(await store.list(prefix));
  await until("the copy is what the store has", () => JSON.stringify(follower.records()) === expected, NOTICE_MS);
}

/** Requests for records that etcd has answered, by its own count. */
async function ranges(): Promise<number> {
  const { stdout } = await run(["curl", "--silent", `http://${address()}/metrics`]);
  const line = /^grpc_server_handled_total\{grpc_code="OK",grpc_method="Range".*\} (\d+)$/m.exec(stdout);
  return Number(line?.[1] ?? "NaN");
}

async function compact(store: ClusterStore): Promise<void> {
  await store.commit({ puts: [{ key: "compacted", value: "x" }] });
  const revision = (await store.get("compacted"))?.version ?? "";
  const url = `http://${address()}/v3/kv/compaction`;
  const ran = await run(["curl", "--silent", "--fail", "-d", JSON.stringify({ revision }), url]);
  assert.equal(ran.status, 0, ran.stderr);
}

function times(follower: RecordingFollower, what: string): number {
  return follower.told.filter((told) => told === what).length;
}

describe("following etcd", { skip: missing }, () => {
  before(async () => (servers = await startEtcd()));
  after(async () => servers[Symbol.asyncDispose]());

  it("takes up where it was cut off, and reads nothing but what changed", async () => {
    const [prefix, other] = ["resumed", openAt(portOf())];
    await using cable = await Cable.to(address());
    await using stack = new AsyncDisposableStack();
    stack.use(other);
    const store = stack.use(openAt(cable.port));
    await fill(other, prefix);
    const follower = new RecordingFollower();
    stack.use(await store.follow(prefix, follower));
    // The last change that it saw is a removal, of the key that was written last.
    await other.commit({ puts: [{ key: `${prefix}/last`, value: "1" }] });
    await other.commit({ removes: [`${prefix}/last`] });
    await inStep(follower, other, prefix);
    for (let round = 0; round < 2; round++) {
      cable.pull();
      await until("the loss is noticed", () => follower.told.at(-1) === "lost", NOTICE_MS);
      await other.commit({
        puts: [{ key: `${prefix}/new-${round}`, value: "1" }],
        removes: [`${prefix}/k0000${round}`],
      });
      const read = await ranges();
      cable.plug();
      await until("it is back", () => follower.isBack(), NOTICE_MS);
      assert.equal(follower.copy.get(`${prefix}/new-${round}`)?.value, "1", "what was missed is told before that");
      assert.equal(follower.copy.has(`${prefix}/k0000${round}`), false);
      const readSince = (await ranges()) - read;
      assert.ok(readSince <= 3, `${readSince} requests, where a reading takes five`);
      await inStep(follower, other, prefix);
    }
    assert.equal(times(follower, "replace"), 1);
  });

  it("reads everything again where what it missed was compacted away", async () => {
    const [prefix, other] = ["compacting", openAt(portOf())];
    await using cable = await Cable.to(address());
    await using stack = new AsyncDisposableStack();
    stack.use(other);
    const store = stack.use(openAt(cable.port));
    await fill(other, prefix, 100);
    const follower = new RecordingFollower();
    stack.use(await store.follow(prefix, follower));
    cable.pull();
    await until("the loss is noticed", () => follower.told.at(-1) === "lost", NOTICE_MS);
    await other.commit({ puts: [{ key: `${prefix}/new`, value: "1" }], removes: [`${prefix}/k00001`] });
    await compact(other);
    cable.plug();
    await until("it is back", () => follower.isBack(), NOTICE_MS);
    await inStep(follower, other, prefix);
    assert.equal(times(follower, "replace"), 2);
  });

  it("reads everything again from another store in the first one's place, however far that has counted", async () => {
    const prefix = "exchanged";
    await using exchanged = await startEtcd();
    await using cable = await Cable.to(address());
    await using stack = new AsyncDisposableStack();
    const [one, two] = [stack.use(openAt(portOf())), stack.use(openAt(portOf(exchanged)))];
    const store = stack.use(openAt(cable.port));
    await fill(one, prefix, 100);
    const follower = new RecordingFollower();
    stack.use(await store.follow(prefix, follower));
    for (const { to, filled } of [
      { to: exchanged, filled: 0 },
      { to: servers, filled: 0 },
      { to: exchanged, filled: 6_000 },
    ]) {
      await fill(two, prefix, filled);
      await two.commit({ puts: [{ key: `${prefix}/elsewhere`, value: String(filled) }] });
      const backs = times(follower, "back");
      cable.replug(address(to));
      await until("it is back", () => times(follower, "back") > backs && follower.isBack(), NOTICE_MS);
      await inStep(follower, to === exchanged ? two : one, prefix);
    }
  });

  it("has everything in the end from a store that takes two seconds for each page", async () => {
    const [prefix, other] = ["slow", openAt(portOf())];
    await using cable = await Cable.to(address(), 2_000);
    await using stack = new AsyncDisposableStack();
    stack.use(other);
    const store = stack.use(openAt(cable.port));
    await fill(other, prefix);
    const follower = new RecordingFollower();
    stack.use(await store.follow(prefix, follower));
    assert.equal(follower.copy.size, RECORDS);
    await other.commit({ puts: [{ key: `${prefix}/new`, value: "1" }] });
    await inStep(follower, other, prefix);
    assert.equal((await store.list(prefix)).length, RECORDS + 1);
    assert.deepEqual([times(follower, "replace"), times(follower, "lost")], [1, 0]);
  });

  it("takes nobody for dead when this process does something else for longer than a call may take", async () => {
    await using store = openAt(portOf());
    const follower = new RecordingFollower();
    await using _following = await store.follow("held-up", follower);
    const session = await store.openSession(30_000);
    for (let round = 0; round < 2; round++) {
      const call = store.get("held-up/a");
      const end = performance.now() + 6_000;
      while (performance.now() < end);
      assert.equal(await call, undefined);
      await store.commit({ puts: [{ key: "held-up/b", value: String(round), session }] });
      await until("the follower is told", () => follower.copy.get("held-up/b")?.value === String(round));
    }
    assert.equal(times(follower, "lost"), 0);
  });
});
