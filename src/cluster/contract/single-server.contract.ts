/** Accidents of a store that is one server: it restarts, crashes, or freezes with all its connections open. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../../../test/support/wait.ts";
import type { SingleServer } from "../../../test/support/single-server.ts";
import { silentLog } from "../../base/log.ts";
import type { ClusterStore } from "../cluster-store.ts";
import type { StoreHost, StoreOptions } from "../store-address.ts";
import { everyCallFails, RecordingFollower } from "./world.fixture.ts";

const NOTICE_MS = 15_000;
/** Nothing listens there. */
const NOBODY: StoreHost = { host: "127.0.0.1", port: 1 };

export interface SingleServerTimes {
  /** Longer than the server's restart. */
  readonly ttlMs: number;
}

export function singleServerContract(
  name: string,
  start: () => Promise<SingleServer>,
  openStore: (options: StoreOptions) => ClusterStore,
  { ttlMs }: SingleServerTimes,
): void {
  const open = (server: SingleServer, ...others: readonly StoreHost[]): ClusterStore => {
    const [host = "", port = ""] = (server.hosts[0] ?? "").split(":");
    const [first, ...rest] = [...others, { host, port: Number(port) }] as const;
    return openStore({ hosts: [first, ...rest], prefix: "one/part", log: silentLog });
  };

  describe(`${name} with accidents`, () => {
    it("keeps records and sessions over a crash and a restart", async () => {
      await using server = await start();
      await using store = open(server);
      const session = await store.openSession(ttlMs);
      const ends: string[] = [];
      void session.ended.then((reason) => ends.push(reason));
      await store.commit({ puts: [{ key: "d/a", value: "1", session }] });
      await store.commit({ puts: [{ key: "d/b", value: "2" }] });
      const before = await store.list("d");
      await server.kill();
      await server.start();
      const after = await until("it answers again", async () => store.list("d").catch(() => undefined), NOTICE_MS);
      assert.deepEqual(after, before);
      // It is kept alive anew: written once more for the session, the key is there.
      await until("the session writes again", async () =>
        store.commit({ puts: [{ key: "d/a", value: "3", session }] }).catch(() => false),
      );
      assert.deepEqual(ends, []);
      await session[Symbol.asyncDispose]();
      assert.deepEqual(
        (await store.list("d")).map(({ key }) => key),
        ["d/b"],
      );
    });

    it("is away while it is frozen, and back when it is thawed", async () => {
      await using server = await start();
      await using store = open(server);
      const follower = new RecordingFollower();
      await using _following = await store.follow("d", follower);
      await server.process.freeze();
      try {
        await everyCallFails(store, "d");
        await until("followers are told", () => follower.told.includes("lost"), NOTICE_MS);
      } finally {
        server.process.thaw();
      }
      await until("it is back", () => follower.told.includes("back"), NOTICE_MS);
      await until("it writes", async () => store.commit({ puts: [{ key: "d/a", value: "1" }] }).catch(() => false));
      await until("following goes on", () => follower.copy.get("d/a")?.value === "1");
    });

    it("is found among servers that are not there", async () => {
      await using server = await start();
      await using store = open(server, NOBODY, { host: "127.0.0.1", port: 2 });
      assert.equal(await store.commit({ puts: [{ key: "d/a", value: "1" }] }), true);
      assert.equal((await store.get("d/a"))?.value, "1");
      await using _session = await store.openSession(ttlMs);
      await using _following = await store.follow("d", new RecordingFollower());
    });
  });
}
