/** A store that is there and takes its time: whoever starts does not wait for all of it, nor does whoever ends. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { until } from "../../test/support/wait.ts";
import type { ClusterStore } from "./cluster-store.ts";
import { TestCluster, testNetwork, type TestHost } from "./hosts.fixture.ts";

/** A store whose first reading of everything waits until it is let go. */
class SlowReading {
  readonly #gate = Promise.withResolvers<void>();
  followings = 0;

  letGo(): void {
    this.#gate.resolve();
  }

  wrap(store: ClusterStore): ClusterStore {
    return new Proxy(store, {
      get: (target, name) => {
        if (name === "follow") return this.#follow(target);
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  #follow(store: ClusterStore): ClusterStore["follow"] {
    return async (prefix, follower) => {
      await this.#gate.promise;
      const following = await store.follow(prefix, follower);
      this.followings++;
      return {
        [Symbol.asyncDispose]: async (): Promise<void> => {
          this.followings--;
          await following[Symbol.asyncDispose]();
        },
      };
    };
  }
}

async function openOver(cluster: TestCluster, slow: SlowReading): Promise<TestHost> {
  return cluster.host({ wrap: (store) => slow.wrap(store) });
}

describe("a host whose store is slow", { concurrency: true }, () => {
  it("starts without the store, and joins once it was read", async () => {
    const [cluster, slow] = [new TestCluster(), new SlowReading()];
    await using other = await cluster.host();
    await testNetwork(other, "shop");
    await using host = await openOver(cluster, slow);
    const status = host.cluster.status();
    assert.ok(status.state === "away" && status.reason.includes("slow"), JSON.stringify(status));
    assert.deepEqual(host.cluster.networks(), []);
    slow.letGo();
    await until("it is in", () => host.cluster.status().state === "connected");
    assert.equal(host.cluster.networks().length, 1);
    await until("others see it", () => other.cluster.hosts().length === 2);
    assert.equal(slow.followings, 1);
  });

  it("ends at once, and keeps nothing of what comes later", async () => {
    const [cluster, slow] = [new TestCluster(), new SlowReading()];
    const host = await openOver(cluster, slow);
    await host.cluster[Symbol.asyncDispose]();
    let hasFollowed = false;
    const watched = slow.wrap(cluster.memory.client()).follow("causeway", {
      replace: () => (hasFollowed = true),
      change: () => undefined,
      connection: () => undefined,
    });
    slow.letGo();
    await using _following = await watched;
    await until("the late one is let go", () => hasFollowed && slow.followings === 1);
    assert.deepEqual(cluster.memory.list("causeway/hosts"), []);
  });
});
