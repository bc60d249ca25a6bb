/** Removals in batches: what is asked at once is done at once, and every caller hears of its own failure only. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST, MARK, type LinkFact } from "../kernel/facts.ts";
import type { Step } from "../kernel/step.ts";
import { TeardownQueue } from "./teardown-queue.ts";

function link(name: string): LinkFact {
  return { kind: "link", namespace: HOST, name, device: { type: "bridge" }, up: true, alias: `${MARK}${name}` };
}

function removal(name: string): readonly Step[] {
  return [
    { action: "remove", fact: link(name) },
    { action: "remove", fact: { kind: "namespace", path: name } },
  ];
}

/** Records batches by the names of their steps; a step for "bad" fails its batch. */
function recorder(): { readonly batches: string[][]; readonly queue: TeardownQueue } {
  const batches: string[][] = [];
  const queue = new TeardownQueue({
    applyAll: async (steps) => {
      batches.push(steps.map(({ fact }) => (fact.kind === "link" ? `link ${fact.name}` : fact.kind)));
      await Promise.resolve();
      if (steps.some(({ fact }) => fact.kind === "link" && fact.name === "bad")) throw new Error("bad");
    },
  });
  return { batches, queue };
}

test("a removal alone goes at once, those that come meanwhile go together with their links in one run", async () => {
  const { batches, queue } = recorder();
  await Promise.all(["a", "b", "c"].map((name) => queue.applyAll(removal(name))));
  assert.deepEqual(batches, [
    ["link a", "namespace"],
    ["link b", "link c", "namespace", "namespace"],
  ]);
});

test("a failure in a batch reaches its own caller and no other", async () => {
  const { queue } = recorder();
  const results = await Promise.allSettled(["a", "b", "bad", "c"].map((name) => queue.applyAll(removal(name))));
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "fulfilled", "rejected", "fulfilled"],
  );
});

test("a plan that removes before it ensures keeps its order in a batch of its own", async () => {
  const { batches, queue } = recorder();
  const mixed: readonly Step[] = [...removal("x"), { action: "ensure", fact: link("x") }];
  await Promise.all([removal("a"), removal("b"), mixed, removal("c")].map((steps) => queue.applyAll(steps)));
  assert.deepEqual(batches, [
    ["link a", "namespace"],
    ["link b", "link c", "namespace", "namespace"],
    ["link x", "namespace", "link x"],
  ]);
});
