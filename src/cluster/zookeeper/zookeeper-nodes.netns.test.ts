/** What is left in a real ZooKeeper, and what its versions cannot tell. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { missingStore } from "../../../test/support/cluster-servers.ts";
import { until } from "../../../test/support/wait.ts";
import { startZookeeper } from "../../../test/support/zookeeper-server.ts";
import { silentLog } from "../../base/log.ts";
import { parseClusterStoreUrl } from "../store-address.ts";
import { ZERROR } from "./jute.ts";
import { multi, readNodes } from "./nodes.ts";
import { ZookeeperConnection } from "./zookeeper-connection.ts";
import { openZookeeperStore } from "./zookeeper-store.ts";
import { pathsOf, planTransaction } from "./zookeeper-transaction.ts";

const skip = missingStore("zookeeper");

async function open(url: string) {
  const options = { ...parseClusterStoreUrl(`${url}/c`), log: silentLog };
  const signal = new AbortController().signal;
  const [host] = options.hosts;
  const connection = await ZookeeperConnection.open({ host, sessionTimeoutMs: 6_000, timeoutMs: 5_000, signal });
  return { store: openZookeeperStore(options), connection };
}

it("zookeeper: nodes that only held others go when the last one does", { skip }, async () => {
  await using server = await startZookeeper();
  const { store, connection } = await open(server.url);
  await store.commit({ puts: ["d/e/f/a", "d/e/f/b", "d/k"].map((key) => ({ key, value: "1" })) });
  await store.commit({ removes: ["d/e/f/a"] });
  const there = async (): Promise<readonly string[]> => {
    const paths = ["/c", "/c/d", "/c/d/e", "/c/d/e/f", "/c/d/k"];
    const nodes = await readNodes(connection, paths);
    return paths.filter((path) => nodes.has(path));
  };
  assert.deepEqual(await there(), ["/c", "/c/d", "/c/d/e", "/c/d/e/f", "/c/d/k"]);
  await store.commit({ removes: ["d/e/f/b"] });
  await until("what is empty goes", async () => (await there()).length === 3);
  assert.deepEqual(await there(), ["/c", "/c/d", "/c/d/k"]);
  await store[Symbol.asyncDispose]();
  await connection.close(1_000);
});

it("zookeeper: a key removed and made anew after it was read is not taken for the same", { skip }, async () => {
  await using server = await startZookeeper();
  const { store, connection } = await open(server.url);
  const key = "d/a";
  await store.commit({ puts: [{ key, value: "1" }] });
  const checks = [{ key, version: (await store.get(key))?.version ?? "" }];
  const transaction = { checks, puts: [{ key, value: "2" }] };
  const nodes = await readNodes(connection, pathsOf(transaction, "/c"));
  const operations = planTransaction(transaction, { nodes, root: "/c", sessionId: 0n });
  assert.ok(operations);
  await store.commit({ removes: [key] });
  await store.commit({ puts: [{ key, value: "other" }] });
  assert.equal(await multi(connection, operations), ZERROR.BAD_VERSION);
  assert.equal(await store.commit(transaction), false);
  assert.equal((await store.get(key))?.value, "other");
  await store[Symbol.asyncDispose]();
  await connection.close(1_000);
});
