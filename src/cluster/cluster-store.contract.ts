/**
 * What every cluster store promises (`cluster-store.ts`), run over the one in memory and over real servers, each in its own
 * world (`contract/world.ts`).
 */
import { after, before, describe } from "node:test";
import { crowdContract } from "./contract/crowd.contract.ts";
import { followContract } from "./contract/follow.contract.ts";
import { outageContract } from "./contract/outage.contract.ts";
import { recordsContract } from "./contract/records.contract.ts";
import { sessionsContract } from "./contract/sessions.contract.ts";
import { transactionsContract } from "./contract/transactions.contract.ts";
import { ContractSuite, type ClusterWorld } from "./contract/world.fixture.ts";

/** What a world needs that another does not. */
export interface ContractTimes {
  /** The shortest session that the store grants. */
  readonly ttlMs: number;
  /** Within which the store has surely ended a session that it does not hear of. */
  readonly expiryMs: number;
  /** Within which a client that only follows has surely noticed that the store is away, or back. */
  readonly noticeMs: number;
}

export function clusterStoreContract(name: string, openWorld: () => Promise<ClusterWorld>, times: ContractTimes): void {
  describe(`${name} as a cluster store`, () => {
    const suite = new ContractSuite();
    before(async () => (suite.world = await openWorld()));
    after(async () => suite.world[Symbol.asyncDispose]());
    recordsContract(suite);
    transactionsContract(suite);
    followContract(suite, times);
    crowdContract(suite);
    sessionsContract(suite, times);
    outageContract(suite, times);
  });
}
