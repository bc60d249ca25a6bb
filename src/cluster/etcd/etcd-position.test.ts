/** Where a follower is, and which record proves it later. */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { ClusterRecord } from "../cluster-store.ts";
import { EtcdPosition } from "./etcd-position.ts";

const record = (key: string, revision: number): ClusterRecord => ({ key, value: "", version: String(revision) });

it("is proved by the newest record, as of where it is", () => {
  const position = new EtcdPosition("1000", [record("a", 7), record("b", 100), record("c", 20)]);
  assert.deepEqual(position.proof, { key: "b", version: "100", at: 1000n });
  position.move(1001n, [record("a", 1001)], ["c"]);
  assert.equal(position.seen, 1001n);
  assert.deepEqual(position.proof, { key: "a", version: "1001", at: 1001n });
  position.move(1005n, [], ["b"]);
  assert.deepEqual(position.proof, { key: "a", version: "1001", at: 1005n });
});

it("is proved by a record that is gone as of before it went, until there is a newer one", () => {
  const position = new EtcdPosition("10", [record("a", 9)]);
  position.move(12n, [], []);
  position.move(20n, [], ["a"]);
  assert.deepEqual(position.proof, { key: "a", version: "9", at: 12n });
  position.move(30n, [], ["b"]);
  assert.deepEqual([position.seen, position.proof?.at], [30n, 12n]);
  position.move(31n, [record("b", 31)], []);
  assert.deepEqual(position.proof, { key: "b", version: "31", at: 31n });
});

it("is not proved where nothing was ever seen", () => {
  assert.equal(new EtcdPosition("5", []).proof, undefined);
});
