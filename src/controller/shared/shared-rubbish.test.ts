/**
 * Whatever somebody writes into the cluster's store by hand, controllers go on answering and working, each failure an
 * EngineError; when the rubbish is gone and the containers are, the kernel and the resolver have nothing of it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { until } from "../../../test/support/wait.ts";
import { EngineError } from "../../base/errors.ts";
import { ROOT } from "../../cluster/keys.ts";
import { rubbish, throwIn } from "../../cluster/store-rubbish.fixture.ts";
import { FakeHosts, type FakeHost } from "../testing/fake-hosts.ts";

const shop = { name: "shop", driver: "overlay" } as const;

async function mayFail(deed: Promise<unknown>): Promise<void> {
  await deed.catch((cause: unknown) => {
    if (!(cause instanceof EngineError)) throw cause;
  });
}

/** A container comes and goes. */
async function use({ controller, parts }: FakeHost): Promise<void> {
  await mayFail(
    (async () => {
      const { id } = await controller.createSandbox(parts.spec("passing", "shop"));
      await controller.removeSandbox(id);
    })(),
  );
}

function overlayFacts({ parts }: FakeHost): readonly string[] {
  return parts.kernel
    .facts()
    .filter(({ kind }) => kind === "namespace" || kind === "forwarding" || kind === "neighbour")
    .map((fact) => JSON.stringify(fact, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value)));
}

test("rubbish in the store harms no controller, and leaves nothing behind", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(rubbish, { minLength: 1, maxLength: 15 }), async (deeds) => {
      await using all = await FakeHosts.open(2);
      const [a, b] = [all.host(1), all.host(2)];
      await a.controller.createNetwork(shop);
      await until("shop is there", () => b.controller.networks().some(({ name }) => name === "shop"));
      const sandboxes = [a, b].map(async ({ controller, parts, name }) =>
        controller.createSandbox(parts.spec(name, "shop")),
      );
      const [c1, c2] = await Promise.all(sandboxes);
      assert.ok(c1 !== undefined && c2 !== undefined);
      const before = all.store.list(ROOT);
      for (const deed of deeds) await throwIn(all.store, deed);
      for (const host of [a, b]) {
        await use(host);
        host.controller.networks();
      }
      for (const { key } of all.store.list(ROOT)) {
        if (!before.some((record) => record.key === key)) all.store.corrupt(key, undefined);
      }
      for (const { key, value } of before) all.store.corrupt(key, value);
      await a.controller.removeSandbox(c1.id);
      await b.controller.removeSandbox(c2.id);
      for (const host of [a, b]) {
        await until("nothing is left in the kernel", () => overlayFacts(host).length === 0);
        await until("nor in the resolver", () => host.parts.dns.endpoints.size === 0);
      }
    }),
    { numRuns: 20 },
  );
});
