/** `docker info` of a host that shares networks: which store, under which address, and what is the matter when it is away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../addr/ip-address.ts";
import type { ClusterStatus } from "../../cluster/cluster.ts";
import type { ApiSettings } from "../api-context.ts";
import { TestServer } from "../fake/test-server.ts";

async function info(settings: Partial<ApiSettings>): Promise<ReadonlyMap<string, unknown>> {
  await using server = await TestServer.start(settings);
  const { body } = await server.request("GET", "/v1.41/info");
  assert.ok(typeof body === "object" && body !== null);
  return new Map(Object.entries(body));
}

async function sharing(status: () => ClusterStatus): Promise<ReadonlyMap<string, unknown>> {
  const cluster = {
    store: "etcd://10.0.0.9:2379",
    hostName: "a",
    address: parseAddress("10.0.0.1"),
    port: 2376,
    status,
  };
  return info({ cluster, warnings: ["WARNING: other"] });
}

test("store and address are shown where dockerd 20.10 showed them", async () => {
  const shown = await sharing(() => ({ state: "connected" }));
  assert.deepEqual(
    [shown.get("ClusterStore"), shown.get("ClusterAdvertise")],
    ["etcd://10.0.0.9:2379", "10.0.0.1:2376"],
  );
  assert.deepEqual(shown.get("Warnings"), ["WARNING: other"]);
});

test("a store that is away is a warning: since when, why, and what it means", async () => {
  const reason = "cluster store etcd://10.0.0.9:2379: connection refused";
  const shown = await sharing(() => ({ state: "away", reason, sinceMs: Date.UTC(2026, 10, 27, 13, 5, 9, 250) }));
  assert.deepEqual(shown.get("Warnings"), [
    "WARNING: other",
    `WARNING: cluster store away since 2026-11-27T13:05:09Z: ${reason}; networks between hosts cannot be changed until it is back, their traffic goes on`,
  ]);
});

test("a host that shares nothing says nothing of it", async () => {
  const keys = [...(await info({})).keys()];
  assert.deepEqual(
    keys.filter((key) => key.startsWith("Cluster")),
    [],
  );
});
