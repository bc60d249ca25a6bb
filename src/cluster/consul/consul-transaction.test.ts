/** Transactions in Consul's operations. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MAX_OPERATIONS, type ClusterSession, type ClusterTransaction } from "../cluster-store.ts";
import { checkLength, MAX_CONSUL_OPERATIONS, planTransaction, type KnownKeys } from "./consul-transaction.ts";

const session: ClusterSession = {
  id: "f2d31045",
  ttlMs: 1,
  ended: new Promise(() => undefined),
  abandon: async () => undefined,
  [Symbol.asyncDispose]: async () => undefined,
};

function plan(transaction: ClusterTransaction, known?: KnownKeys): readonly string[] | undefined {
  return planTransaction(transaction, "c/", known)?.operations.map(({ KV: { Verb, Key, Index, Session } }) =>
    [Verb, Key, Index, Session].filter((part) => part !== undefined).join(" "),
  );
}

describe("a transaction of Consul", () => {
  it("checks before it writes", () => {
    const transaction: ClusterTransaction = {
      checks: [
        { key: "a", is: "absent" },
        { key: "b", is: "present" },
        { key: "d", version: "12" },
      ],
      puts: [{ key: "a", value: "1" }],
      removes: ["b"],
    };
    assert.deepEqual(plan(transaction), [
      "check-not-exists c/a",
      "get c/b",
      "check-index c/d 12",
      "set c/a",
      "delete c/b",
    ]);
  });

  it("removes a key before setting it unless it is known that no session holds it", () => {
    const puts = [{ key: "a", value: "1" }];
    assert.deepEqual(plan({ puts }), ["delete c/a", "set c/a"]);
    assert.deepEqual(plan({ puts, checks: [{ key: "a", version: "5" }] }), ["check-index c/a 5", "set c/a"]);
    assert.deepEqual(plan({ puts, checks: [{ key: "a", version: "5s" }] }), [
      "check-index c/a 5",
      "delete c/a",
      "set c/a",
    ]);
    assert.deepEqual(plan({ puts, checks: [{ key: "a", is: "present" }] }), ["get c/a", "delete c/a", "set c/a"]);
  });

  it("takes a key for a session from whichever holds it", () => {
    assert.deepEqual(plan({ puts: [{ key: "a", value: "1", session }] }), ["delete c/a", "lock c/a f2d31045"]);
  });

  it("is none with a version that is not Consul's", () => {
    for (const version of ["", "x", "0", "-1", "1e3", "12 ", "5ss"]) {
      assert.equal(plan({ checks: [{ key: "a", version }] }), undefined, version);
    }
  });

  it("rests on what was read where it would be too long otherwise", () => {
    const puts = Array.from({ length: MAX_OPERATIONS }, (_, index) => ({ key: `k${index}`, value: "" }));
    const known = new Map<string, string | undefined>(puts.map(({ key }) => [key, undefined]));
    known.set("k0", "8");
    const long = planTransaction({ puts }, "");
    assert.ok(long);
    assert.throws(() => checkLength(long), /at most 64/);
    const short = planTransaction({ puts }, "", known);
    assert.ok(short);
    assert.equal(short.operations.length, MAX_CONSUL_OPERATIONS);
    assert.equal(short.guesses.size, MAX_CONSUL_OPERATIONS);
    assert.deepEqual(plan({ puts: puts.slice(0, 2) }, known), ["cas c/k0 8", "cas c/k1 0"]);
    known.set("k0", "8s");
    assert.deepEqual(plan({ puts: puts.slice(0, 1) }, known), ["delete c/k0", "set c/k0"]);
  });

  it("writes no key twice alike, so that each write has an index of its own", () => {
    const puts = [{ key: "a", value: "1" }];
    const flags = Array.from({ length: 20 }, () => planTransaction({ puts }, "")?.operations.at(-1)?.KV.Flags);
    assert.equal(new Set(flags).size, 20);
  });
});
