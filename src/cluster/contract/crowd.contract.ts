/** Many calls at once, as when every container of a host starts: all are answered, and none is lost. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { until } from "../../../test/support/wait.ts";
import type { ClusterStore } from "../cluster-store.ts";
import { RecordingFollower, type ContractSuite } from "./world.fixture.ts";

const CALLS = 300;

export function crowdContract(suite: ContractSuite): void {
  it(
    "answers hundreds of transactions of one client at once, and tells followers of each",
    suite.stores(2, async (prefix, store, other) => {
      const follower = new RecordingFollower();
      await using _following = await other.follow(prefix, follower);
      const create = async (index: number): Promise<boolean> => {
        const key = `${prefix}/k${index % (CALLS / 2)}`;
        return store.commit({ checks: [{ key, is: "absent" }], puts: [{ key, value: String(index) }] });
      };
      const created = await Promise.all(Array.from({ length: CALLS }, async (_, index) => create(index)));
      assert.equal(created.filter(Boolean).length, CALLS / 2);
      await until("followers are told", () => follower.copy.size === CALLS / 2);
      const increment = async (client: ClusterStore): Promise<void> => {
        const key = `${prefix}/k0`;
        for (;;) {
          const before = await client.get(key);
          assert.ok(before);
          const puts = [{ key, value: String(Number(before.value) + 1_000) }];
          if (await client.commit({ checks: [{ key, version: before.version }], puts })) return;
        }
      };
      await Promise.all(Array.from({ length: 20 }, async (_, index) => increment(index % 2 === 0 ? store : other)));
      assert.equal(Math.floor(Number((await store.get(`${prefix}/k0`))?.value) / 1_000), 20);
    }),
  );
}
