/** Consul keeps the contract of a cluster store, over a real server. */
import { describe, it } from "node:test";
import { missingStore } from "../../../test/support/cluster-servers.ts";
import { startConsul } from "../../../test/support/consul-server.ts";
import { clusterStoreContract } from "../cluster-store.contract.ts";
import { openServedWorld } from "../contract/served-world.fixture.ts";
import { singleServerContract } from "../contract/single-server.contract.ts";
import { openConsulStore } from "./consul-store.ts";

const missing = missingStore("consul");
if (missing === false) {
  // The server of the tests allows sessions shorter than Consul's usual least, and ends one within twice its length.
  clusterStoreContract("consul", async () => openServedWorld("consul", openConsulStore), {
    ttlMs: 1_000,
    expiryMs: 15_000,
    noticeMs: 15_000,
  });
  singleServerContract("consul", startConsul, openConsulStore, { ttlMs: 10_000 });
} else {
  describe("consul as a cluster store", () => it("keeps the contract", { skip: missing }, () => undefined));
}
