/** Checks and writes: all or none, and one winner. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { MAX_OPERATIONS, type ClusterCheck, type ClusterStore } from "../cluster-store.ts";
import { MAX_VALUE_BYTES } from "../transaction-limits.ts";
import { failsInvalid, type ContractSuite } from "./world.fixture.ts";

async function versionOf(store: ClusterStore, key: string): Promise<string> {
  const record = await store.get(key);
  assert.ok(record, key);
  return record.version;
}

export function transactionsContract(suite: ContractSuite): void {
  it(
    "writes when the check holds, and nothing when it does not",
    suite.stores(1, async (prefix, store) => {
      const there = `${prefix}/there`;
      const missing = `${prefix}/missing`;
      await store.commit({ puts: [{ key: there, value: "0" }] });
      const old = await versionOf(store, there);
      await store.commit({ puts: [{ key: there, value: "1" }] });
      const cases: readonly (readonly [ClusterCheck, boolean])[] = [
        [{ key: there, is: "present" }, true],
        [{ key: there, is: "absent" }, false],
        [{ key: there, version: await versionOf(store, there) }, true],
        [{ key: there, version: old }, false],
        [{ key: missing, is: "present" }, false],
        [{ key: missing, is: "absent" }, true],
        [{ key: missing, version: old }, false],
      ];
      for (const [index, [check, holds]] of cases.entries()) {
        const key = `${prefix}/written-${index}`;
        const what = JSON.stringify(check);
        assert.equal(await store.commit({ checks: [check], puts: [{ key, value: "" }] }), holds, what);
        assert.equal((await store.get(key)) !== undefined, holds, what);
      }
    }),
  );

  it(
    "writes none of many when one check of many fails",
    suite.stores(1, async (prefix, store) => {
      const [a, b, c] = [`${prefix}/a`, `${prefix}/b`, `${prefix}/c`];
      await store.commit({ puts: [a, b].map((key) => ({ key, value: "old" })) });
      const checks: readonly ClusterCheck[] = [
        { key: a, version: await versionOf(store, a) },
        { key: b, is: "present" },
        { key: c, is: "present" },
      ];
      const before = await store.list(prefix);
      const writes = {
        puts: [
          { key: a, value: "new" },
          { key: `${prefix}/d`, value: "new" },
        ],
        removes: [b],
      };
      assert.equal(await store.commit({ checks, ...writes }), false);
      assert.deepEqual(await store.list(prefix), before);
      assert.equal(await store.commit({ checks: checks.slice(0, 2), ...writes }), true);
      assert.deepEqual(
        (await store.list(prefix)).map(({ key, value }) => [key, value]),
        [
          [a, "new"],
          [`${prefix}/d`, "new"],
        ],
      );
    }),
  );

  it(
    "checks what was there before the transaction wrote",
    suite.stores(1, async (prefix, store) => {
      const key = `${prefix}/a`;
      assert.equal(await store.commit({ checks: [{ key, is: "absent" }], puts: [{ key, value: "1" }] }), true);
      assert.equal(await store.commit({ checks: [{ key, is: "absent" }], puts: [{ key, value: "2" }] }), false);
      const version = await versionOf(store, key);
      assert.equal(await store.commit({ checks: [{ key, version }], puts: [{ key, value: "3" }] }), true);
      assert.equal(await store.commit({ checks: [{ key, version }], removes: [key] }), false);
      assert.equal(await store.commit({ checks: [{ key, is: "present" }], removes: [key] }), true);
      assert.deepEqual(await store.list(prefix), []);
    }),
  );

  it(
    "commits checks alone, removals of what is absent, and nothing at all",
    suite.stores(1, async (prefix, store) => {
      const key = `${prefix}/a`;
      assert.equal(await store.commit({}), true);
      assert.equal(await store.commit({ removes: [key, `${prefix}/b`] }), true);
      assert.equal(await store.commit({ checks: [{ key, is: "absent" }] }), true);
      assert.equal(await store.commit({ checks: [{ key, is: "present" }] }), false);
    }),
  );

  it(
    "gives every write of a key a version of its own, also of the same value and across removal",
    suite.stores(1, async (prefix, store) => {
      const key = `${prefix}/a`;
      const versions: string[] = [];
      for (let round = 0; round < 4; round++) {
        await store.commit({ puts: [{ key, value: "same" }] });
        versions.push(await versionOf(store, key));
        if (round % 2 === 1) await store.commit({ removes: [key] });
      }
      assert.equal(new Set(versions).size, 4, versions.join(" "));
      await store.commit({ puts: [{ key, value: "same" }] });
      for (const version of versions) {
        assert.equal(await store.commit({ checks: [{ key, version }], removes: [key] }), false);
      }
    }),
  );

  it(
    "lets one of many creators win",
    suite.stores(2, async (prefix, one, two) => {
      const key = `${prefix}/a`;
      const names = Array.from({ length: 20 }, (_, index) => String(index));
      const won = await Promise.all(
        names.map((value, index) =>
          (index % 2 === 0 ? one : two).commit({ checks: [{ key, is: "absent" }], puts: [{ key, value }] }),
        ),
      );
      assert.equal(won.filter(Boolean).length, 1);
      assert.equal((await one.get(key))?.value, names[won.indexOf(true)]);
    }),
  );

  it(
    "loses no increment of clients that compare and swap at once",
    suite.stores(3, async (prefix, ...stores) => {
      const key = `${prefix}/counter`;
      await stores[0]?.commit({ puts: [{ key, value: "0" }] });
      const increment = async (store: ClusterStore): Promise<void> => {
        for (;;) {
          const record = await store.get(key);
          assert.ok(record);
          const puts = [{ key, value: String(Number(record.value) + 1) }];
          if (await store.commit({ checks: [{ key, version: record.version }], puts })) return;
        }
      };
      await Promise.all(
        stores.map(async (store) => {
          for (let n = 0; n < 10; n++) await increment(store);
        }),
      );
      assert.equal((await stores[0]?.get(key))?.value, "30");
    }),
  );

  it(
    "carries as many operations as it promises, and no more",
    suite.stores(1, async (prefix, store) => {
      const keys = Array.from({ length: MAX_OPERATIONS }, (_, index) => `${prefix}/k${index}`);
      assert.equal(await store.commit({ puts: keys.map((key) => ({ key, value: "1" })) }), true);
      const versions = new Map((await store.list(prefix)).map(({ key, version }) => [key, version]));
      assert.equal(versions.size, MAX_OPERATIONS);
      const half = keys.slice(0, MAX_OPERATIONS / 2);
      const checks = half.map((key) => ({ key, version: versions.get(key) ?? "" }));
      assert.equal(await store.commit({ checks, removes: half }), true);
      assert.equal((await store.list(prefix)).length, MAX_OPERATIONS / 2);
      await failsInvalid(store.commit({ checks, removes: [...half, `${prefix}/more`] }));
    }),
  );

  it(
    "refuses a key written twice, and values too long alone or together, writing nothing",
    suite.stores(1, async (prefix, store) => {
      const [a, b] = [`${prefix}/a`, `${prefix}/b`];
      const half = "x".repeat(MAX_VALUE_BYTES / 2);
      await failsInvalid(store.commit({ puts: [a, b, a].map((key) => ({ key, value: "" })) }));
      await failsInvalid(store.commit({ puts: [{ key: a, value: "" }], removes: [a] }));
      await failsInvalid(store.commit({ puts: [{ key: a, value: `${half}${half}x` }] }));
      await failsInvalid(store.commit({ puts: [a, b].map((key) => ({ key, value: `${half}x` })) }));
      assert.deepEqual(await store.list(prefix), []);
      assert.equal(await store.commit({ puts: [a, b].map((key) => ({ key, value: half })) }), true);
    }),
  );
}
