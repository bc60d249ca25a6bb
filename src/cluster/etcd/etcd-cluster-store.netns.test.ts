/** The store over a real etcd keeps the contract. */
import { describe, it } from "node:test";
import { missingStore } from "../../../test/support/cluster-servers.ts";
import { clusterStoreContract } from "../cluster-store.contract.ts";
import { openServedWorld } from "../contract/served-world.fixture.ts";
import { openEtcdStore } from "./etcd-cluster-store.ts";

const missing = missingStore("etcd");
if (missing === false) {
  // A new leader gives every lease its time anew; a pulled cable is noticed by pings, after 9 s.
  clusterStoreContract("etcd", async () => openServedWorld("etcd", openEtcdStore), {
    ttlMs: 1_000,
    expiryMs: 15_000,
    noticeMs: 20_000,
  });
} else {
  describe("etcd as a cluster store", () => it("keeps the contract", { skip: missing }, () => undefined));
}
