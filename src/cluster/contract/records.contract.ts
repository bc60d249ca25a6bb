/** Reading and writing single records. */
import assert from "node:assert/strict";
import { it } from "node:test";
import * as fc from "fast-check";
import { MAX_KEY_BYTES } from "../cluster-store.ts";
import { MAX_VALUE_BYTES } from "../transaction-limits.ts";
import { failsInvalid, RecordingFollower, type ContractSuite } from "./world.fixture.ts";

const MALFORMED = [
  "",
  "/",
  "/a",
  "a/",
  "a//b",
  "a b",
  "a/ä",
  "a\n",
  "a/*",
  "..",
  "a/./b",
  "k".repeat(MAX_KEY_BYTES + 1),
];

export function recordsContract(suite: ContractSuite): void {
  it(
    "has nothing before the first write",
    suite.stores(1, async (prefix, store) => {
      assert.equal(await store.get(`${prefix}/a`), undefined);
      assert.deepEqual(await store.list(prefix), []);
    }),
  );

  it(
    "lists what is below a prefix in order of key, and nothing beside it",
    suite.stores(1, async (prefix, store) => {
      const keys = ["b", "a", "a/x", "a.b", "a-b", "B"].map((part) => `${prefix}/in/${part}`);
      const beside = [`${prefix}/in`, `${prefix}/inside/a`, `${prefix}/i`];
      await store.commit({ puts: [...keys, ...beside].map((key) => ({ key, value: `of ${key}` })) });
      const listed = await store.list(`${prefix}/in`);
      assert.deepEqual(
        listed.map(({ key, value }) => [key, value]),
        keys.sort().map((key) => [key, `of ${key}`]),
      );
      for (const record of listed) assert.deepEqual(await store.get(record.key), record);
    }),
  );

  it(
    "gives back any text, the empty one and the longest too",
    suite.stores(1, async (prefix, store) => {
      const key = `${prefix}/text`;
      const texts = fc.sample(fc.string({ unit: "grapheme" }), 10);
      for (const value of ["", "null", '{"a":1}', "\0\r\n", "é".repeat(MAX_VALUE_BYTES / 2), ...texts]) {
        await store.commit({ puts: [{ key, value }] });
        assert.equal((await store.get(key))?.value, value);
      }
    }),
  );

  it(
    "keeps the longest key",
    suite.stores(1, async (prefix, store) => {
      const key = `${prefix}/${"k".repeat(MAX_KEY_BYTES - prefix.length - 1)}`;
      await store.commit({ puts: [{ key, value: "1" }] });
      assert.equal((await store.get(key))?.value, "1");
      assert.equal((await store.list(prefix))[0]?.key, key);
    }),
  );

  it(
    "shows every other client what was answered before it asked",
    suite.stores(2, async (prefix, writer, reader) => {
      const key = `${prefix}/n`;
      for (let n = 0; n < 20; n++) {
        await writer.commit({ puts: [{ key, value: String(n) }] });
        assert.equal((await reader.get(key))?.value, String(n));
        assert.equal((await reader.list(prefix))[0]?.value, String(n));
      }
    }),
  );

  it(
    "lists a thousand records",
    suite.stores(1, async (prefix, store) => {
      const keys = Array.from({ length: 1000 }, (_, index) => `${prefix}/k${String(index).padStart(4, "0")}`);
      for (let start = 0; start < keys.length; start += 50) {
        await store.commit({ puts: keys.slice(start, start + 50).map((key) => ({ key, value: "v".repeat(300) })) });
      }
      const listed = await store.list(prefix);
      assert.deepEqual(
        listed.map(({ key }) => key),
        keys,
      );
    }),
  );

  it(
    "refuses malformed keys, and prefixes",
    suite.stores(1, async (prefix, store) => {
      for (const key of MALFORMED) {
        await failsInvalid(store.get(key), key);
        await failsInvalid(store.list(key), key);
        await failsInvalid(store.follow(key, new RecordingFollower()), key);
        await failsInvalid(store.commit({ removes: [key] }), key);
        await failsInvalid(store.commit({ checks: [{ key, is: "absent" }] }), key);
        await failsInvalid(
          store.commit({
            puts: [
              { key: `${prefix}/a`, value: "" },
              { key, value: "" },
            ],
          }),
          key,
        );
      }
      assert.deepEqual(await store.list(prefix), []);
    }),
  );

  it(
    "refuses everything once closed, and closes twice without complaint",
    suite.stores(1, async (prefix, store) => {
      await store[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      const closed = /: the client is closed$/;
      await assert.rejects(store.get(`${prefix}/a`), closed);
      await assert.rejects(store.list(prefix), closed);
      await assert.rejects(store.commit({}), closed);
      await assert.rejects(store.follow(prefix, new RecordingFollower()), closed);
      await assert.rejects(store.openSession(10_000), closed);
    }),
  );
}
