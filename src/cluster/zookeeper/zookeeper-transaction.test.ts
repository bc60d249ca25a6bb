/** Transactions in ZooKeeper's operations, from what was read. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ClusterSession, ClusterTransaction } from "../cluster-store.ts";
import type { ZookeeperOperation } from "./jute.ts";
import type { ZookeeperNode } from "./nodes.ts";
import { guardOf, pathsOf, planTransaction } from "./zookeeper-transaction.ts";

const ROOT = "/c";
const SESSION = 7n;
const session: ClusterSession = {
  id: "0x7",
  ttlMs: 1,
  ended: new Promise(() => undefined),
  abandon: async () => undefined,
  [Symbol.asyncDispose]: async () => undefined,
};

interface Known {
  readonly data?: string;
  readonly version?: number;
  readonly mzxid?: bigint;
  readonly owner?: bigint;
  readonly children?: number;
}

function node({ data, version = 0, mzxid = 1n, owner = 0n, children = 0 }: Known): ZookeeperNode {
  return { data: data ?? null, stat: { version, mzxid, ephemeralOwner: owner, children } };
}

/** Everything above the keys is there, with every guard at version 5. */
function nodesFor(transaction: ClusterTransaction, known: Readonly<Record<string, Known>>) {
  const nodes = new Map(Object.entries(known).map(([key, value]) => [`${ROOT}/${key}`, node(value)]));
  for (const path of pathsOf(transaction, ROOT)) {
    if (path === ROOT || path === `${ROOT}/%guards` || path === `${ROOT}/d`) nodes.set(path, node({ children: 1 }));
    if (path.startsWith(`${ROOT}/%guards/`)) nodes.set(path, node({ version: 5 }));
  }
  return nodes;
}

function plan(
  transaction: ClusterTransaction,
  known: Readonly<Record<string, Known>> = {},
): readonly string[] | undefined {
  const nodes = nodesFor(transaction, known);
  return planTransaction(transaction, { nodes, root: ROOT, sessionId: SESSION })?.map(format);
}

function format(operation: ZookeeperOperation): string {
  const path = operation.path.startsWith(`${ROOT}/%guards/`) ? "GUARD" : operation.path;
  if (operation.op === "create") return `create ${path}=${operation.data}${operation.ephemeral ? " ephemeral" : ""}`;
  if (operation.op === "set") return `set ${path}=${operation.data}`;
  return `${operation.op} ${path} ${operation.version}`;
}

describe("a transaction of ZooKeeper", () => {
  it("makes what is absent, with what is missing above it, and marks the guard", () => {
    assert.deepEqual(plan({ puts: [{ key: "d/x/a", value: "1" }] }), [
      "create /c/d/x=null",
      "create /c/d/x/a=1",
      "set GUARD=null",
    ]);
  });

  it("makes everything in an empty store", () => {
    const transaction = { puts: [{ key: "a", value: "1" }] };
    const operations = planTransaction(transaction, { nodes: new Map(), root: ROOT, sessionId: 0n });
    assert.deepEqual(operations?.map(format), [
      "create /c=null",
      "create /c/a=1",
      "create /c/%guards=null",
      "create GUARD=null",
    ]);
  });

  it("writes what is there without a guard", () => {
    assert.deepEqual(plan({ puts: [{ key: "d/a", value: "2" }] }, { "d/a": { data: "1" } }), ["set /c/d/a=2"]);
    assert.deepEqual(plan({ puts: [{ key: "d/a", value: "2" }] }, { "d/a": { children: 1 } }), ["set /c/d/a=2"]);
  });

  it("checks version and guard, also at version 0", () => {
    const known = { "d/a": { data: "1", mzxid: 77n } };
    assert.deepEqual(plan({ checks: [{ key: "d/a", version: "77" }], puts: [{ key: "d/a", value: "2" }] }, known), [
      "check GUARD 5",
      "check /c/d/a 0",
      "set /c/d/a=2",
    ]);
    assert.deepEqual(plan({ checks: [{ key: "d/a", is: "present" }] }, known), ["check GUARD 5", "check /c/d/a 0"]);
    assert.deepEqual(plan({ checks: [{ key: "d/b", is: "absent" }] }), ["check GUARD 5"]);
    assert.deepEqual(plan({ checks: [{ key: "d/b", is: "absent" }], puts: [{ key: "d/b", value: "1" }] }), [
      "create /c/d/b=1",
      "set GUARD=null",
    ]);
  });

  it("is none when a check does not hold", () => {
    const known = { "d/a": { data: "1", mzxid: 77n }, "d/p": { children: 2 } };
    assert.equal(plan({ checks: [{ key: "d/a", version: "78" }] }, known), undefined);
    assert.equal(plan({ checks: [{ key: "d/a", is: "absent" }] }, known), undefined);
    assert.equal(plan({ checks: [{ key: "d/b", is: "present" }] }, known), undefined);
    assert.equal(plan({ checks: [{ key: "d/p", is: "present" }] }, known), undefined);
    assert.deepEqual(plan({ checks: [{ key: "d/p", is: "absent" }] }, known), ["check GUARD 5", "check /c/d/p 0"]);
  });

  it("makes a key anew where its session is another", () => {
    const put = { key: "d/a", value: "2" };
    const anew = (what: string): readonly string[] => ["delete /c/d/a -1", `create /c/d/a=2${what}`, "set GUARD=null"];
    assert.deepEqual(plan({ puts: [{ ...put, session }] }, { "d/a": { data: "1" } }), anew(" ephemeral"));
    assert.deepEqual(plan({ puts: [{ ...put, session }] }, { "d/a": { data: "1", owner: 8n } }), anew(" ephemeral"));
    assert.deepEqual(plan({ puts: [put] }, { "d/a": { data: "1", owner: SESSION } }), anew(""));
    assert.deepEqual(plan({ puts: [{ ...put, session }] }, { "d/a": { data: "1", owner: SESSION } }), ["set /c/d/a=2"]);
    assert.throws(
      () => plan({ puts: [{ ...put, session }] }, { "d/a": { data: "1", children: 1 } }),
      /others below it/,
    );
  });

  it("removes what is there, and only the value of what others need", () => {
    assert.deepEqual(plan({ removes: ["d/a", "d/b"] }, { "d/a": { data: "1" } }), ["delete /c/d/a -1"]);
    assert.deepEqual(plan({ removes: ["d/a"] }, { "d/a": { data: "1", children: 1 } }), ["set /c/d/a=null"]);
    assert.deepEqual(plan({ removes: ["d/a"] }, { "d/a": { children: 1 } }), []);
    const both = { puts: [{ key: "d/a/b", value: "1" }], removes: ["d/a"] };
    assert.deepEqual(plan(both, { "d/a": { data: "1" } }), ["create /c/d/a/b=1", "set /c/d/a=null", "set GUARD=null"]);
  });

  it("makes a key before those below it, whatever their order", () => {
    const puts = ["d/a/b", "d/a"].map((key) => ({ key, value: "1" }));
    assert.deepEqual(plan({ puts })?.slice(0, 2), ["create /c/d/a=1", "create /c/d/a/b=1"]);
  });

  it("has a guard for every parent, whoever asks", () => {
    assert.equal(guardOf("/c/d/a", ROOT), guardOf("/c/d/b", ROOT));
    const guards = new Set(Array.from({ length: 500 }, (_, index) => guardOf(`/c/n${index}/a`, ROOT)));
    assert.ok(guards.size > 300 && guards.size <= 500, String(guards.size));
  });
});
