/** ZooKeeper keeps the contract of a cluster store, over a real server. */
import { describe, it } from "node:test";
import { missingStore } from "../../../test/support/cluster-servers.ts";
import { startZookeeper } from "../../../test/support/zookeeper-server.ts";
import { clusterStoreContract } from "../cluster-store.contract.ts";
import { openServedWorld } from "../contract/served-world.fixture.ts";
import { singleServerContract } from "../contract/single-server.contract.ts";
import { openZookeeperStore } from "./zookeeper-store.ts";

const missing = missingStore("zookeeper");
if (missing === false) {
  clusterStoreContract("zookeeper", async () => openServedWorld("zookeeper", openZookeeperStore), {
    ttlMs: 1_000,
    expiryMs: 15_000,
    noticeMs: 15_000,
  });
  singleServerContract("zookeeper", startZookeeper, openZookeeperStore, { ttlMs: 10_000 });
} else {
  describe("zookeeper as a cluster store", () => it("keeps the contract", { skip: missing }, () => undefined));
}
