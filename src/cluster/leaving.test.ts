/** How a host that has no endpoints leaves: its session is ended, unless the store is away and would have to be waited for. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { until } from "../../test/support/wait.ts";
import type { ClusterSession, ClusterStore } from "./cluster-store.ts";
import { TestCluster } from "./hosts.fixture.ts";

/** The store, with a word for each session that is ended or abandoned. */
function telling(store: ClusterStore, said: string[]): ClusterStore {
  const tell = (session: ClusterSession): ClusterSession =>
    new Proxy(session, {
      get(target, name) {
        if (name === "abandon") return async () => (said.push("abandoned"), target.abandon());
        if (name === Symbol.asyncDispose) return async () => (said.push("ended"), target[Symbol.asyncDispose]());
        return Reflect.get(target, name, target);
      },
    });
  return new Proxy(store, {
    get(target, name) {
      if (name === "openSession") return async (ttlMs: number) => tell(await target.openSession(ttlMs));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

it("ends its session", async () => {
  const said: string[] = [];
  const host = await new TestCluster().host({ wrap: (store) => telling(store, said) });
  await host[Symbol.asyncDispose]();
  assert.deepEqual(said, ["ended"]);
});

it("does not wait for a store that is away", async () => {
  const said: string[] = [];
  const host = await new TestCluster().host({ wrap: (store) => telling(store, said) });
  host.store.cut();
  await until("away", () => host.cluster.status().state === "away");
  await host[Symbol.asyncDispose]();
  assert.deepEqual(said, ["abandoned"]);
});
