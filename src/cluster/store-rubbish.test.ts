/**
 * Anybody can write to the store. Whatever lies there, hosts go on answering, and changes end with an answer or an EngineError;
 * when the rubbish is gone nothing of it is left.
 */
import { test } from "node:test";
import * as fc from "fast-check";
import { until } from "../../test/support/wait.ts";
import { formatAddress } from "../addr/ip-address.ts";
import { formatMac } from "../addr/mac-address.ts";
import { formatPrefix } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";
import { TestCluster, testEndpoint, testNetwork, type TestHost } from "./hosts.fixture.ts";
import { ROOT } from "./keys.ts";
import { rubbish, throwIn } from "./store-rubbish.fixture.ts";

/** Everything that can be asked, as text. */
function answers({ cluster }: TestHost): string {
  const networks = [...cluster.networks(), { id: "network-shop" }, { id: "network-x" }];
  return JSON.stringify({
    status: cluster.status().state,
    hosts: cluster.hosts().map(({ address }) => formatAddress(address)),
    endpoints: networks.flatMap(({ id }) =>
      cluster.endpoints(id).map(({ mac, addresses }) => [mac && formatMac(mac), addresses.map(formatPrefix)]),
    ),
  });
}

async function leaseAndRelease({ addresses }: TestHost["cluster"], poolId: string): Promise<void> {
  const leased = await addresses.requestAddress(poolId, { holder: "a" });
  if (leased !== undefined) await addresses.releaseAddress(poolId, leased);
}

/** Changes of every kind; they may be refused. */
async function use({ cluster }: TestHost, poolId: string): Promise<void> {
  const endpoint = testEndpoint("network-shop", "a");
  const outcomes = await Promise.allSettled([
    cluster.putEndpoint(endpoint).then(async () => cluster.removeEndpoint(endpoint.networkId, endpoint.id)),
    cluster.evictEndpoint("network-shop", "a"),
    cluster.removeNetwork("network-x"),
    leaseAndRelease(cluster, poolId),
    cluster.addresses
      .requestPool({ family: 4, reserved: [] })
      .then(async ({ id }) => cluster.addresses.releasePool(id)),
  ]);
  const failures = outcomes.flatMap((outcome): readonly unknown[] =>
    outcome.status === "rejected" ? [outcome.reason] : [],
  );
  for (const failure of failures) if (!(failure instanceof EngineError)) throw failure;
}

test("rubbish in the store harms no host, and leaves nothing behind", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(rubbish, { minLength: 1, maxLength: 25 }), async (deeds) => {
      const cluster = new TestCluster();
      await using a = await cluster.host();
      await using b = await cluster.host();
      const { poolId } = await testNetwork(a, "shop");
      await a.cluster.putEndpoint(testEndpoint("network-shop", "c1"));
      for (const [index, deed] of deeds.entries()) {
        await throwIn(cluster.memory, deed);
        answers(a);
        answers(b);
        if (index % 8 === 7) await use(b, poolId);
      }
      await use(a, poolId);
      await use(b, poolId);
      for (const { key } of cluster.memory.list(ROOT)) cluster.memory.corrupt(key, undefined);
      for (const { cluster: host } of [a, b]) {
        await until("the hosts are there", () => host.hosts().length === 2);
        await until(
          "nothing else is",
          () => host.networks().length === 0 && host.endpoints("network-shop").length === 0,
        );
      }
    }),
    { numRuns: 60 },
  );
});
