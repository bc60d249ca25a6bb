import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, it } from "node:test";
import { missingStore, startStore, STORE_KINDS } from "./cluster-servers.ts";
import { startEtcd } from "./etcd-server.ts";
import { run } from "./run.ts";
import { startConsul } from "./consul-server.ts";

describe("real stores for tests", () => {
  for (const kind of STORE_KINDS) {
    it(`${kind} starts, stops, and starts again at the same address`, { skip: missingStore(kind) }, async () => {
      await using servers = await startStore(kind);
      const [host = ""] = servers.hosts;
      const listening = async (): Promise<boolean> =>
        (await run(["ss", "-Hltn"])).stdout
          .split(/\s+/)
          .some((word) => word.replace("[::ffff:127.0.0.1]", "127.0.0.1") === host);
      assert.ok(await listening(), `${host} listens`);
      await servers.stop();
      assert.ok(!(await listening()), `${host} listens no more`);
      await servers.start();
      assert.ok(await listening(), `${host} listens again`);
    });
  }

  it("three members of etcd elect another leader when theirs is killed", { skip: missingStore("etcd") }, async () => {
    await using servers = await startEtcd({ members: 3 });
    const first = await servers.leader();
    await servers.members[first]?.kill();
    const second = await servers.leader();
    assert.notEqual(second, first);
    await servers.start();
    assert.ok(servers.members.every(({ running }) => running));
  });

  it("a store runs in a namespace of its own", { skip: missingStore("consul") }, async () => {
    assert.equal((await run(["ip", "netns", "add", "store"])).status, 0);
    await run(["ip", "-n", "store", "link", "set", "lo", "up"]);
    {
      await using servers = await startConsul({ prefix: ["ip", "netns", "exec", "store"] });
      assert.deepEqual(servers.hosts, ["127.0.0.1:8500"]);
      assert.ok(existsSync(servers.process.directory));
    }
    assert.equal((await run(["ip", "netns", "pids", "store"])).stdout, "");
    await run(["ip", "netns", "delete", "store"]);
  });
});
