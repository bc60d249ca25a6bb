/** Repair while running, under fakes: what is ours comes back, what is not is never touched. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST, MARK, type KernelFact, type LinkFact } from "../kernel/facts.ts";
import { FakeParts } from "./testing/fake-parts.ts";

/** The state that the fake kernel had, whatever order its facts are in now. */
function sorted(facts: readonly KernelFact[]): readonly string[] {
  return facts
    .map((fact) => JSON.stringify(fact, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)))
    .sort();
}

// Meddling also wakes the reconciler, which may be there before the repair that a test asks for: what counts is the result.

test("each fact on the host that somebody takes away is put back", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  await controller.createNetwork({ name: "backend", enableIPv6: true });
  await controller.createSandbox(parts.spec("c1", "backend", "bridge"));
  const before = parts.kernel.facts();
  for (const fact of before.filter((one) => one.kind !== "namespace" && one.namespace === HOST)) {
    parts.kernel.meddle({ remove: fact });
    await controller.repair();
    assert.deepEqual(sorted(parts.kernel.facts()), sorted(before));
    assert.equal(await controller.repair(), 0);
  }
});

test("a link set down comes up again, and the log says what was found", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  const docker0 = parts.kernel.facts().find((fact) => fact.kind === "link" && fact.name === "docker0");
  assert.ok(docker0?.kind === "link");
  parts.kernel.meddle({ add: { ...docker0, up: false } });
  await controller.repair();
  assert.ok(parts.kernel.facts().some((fact) => fact.kind === "link" && fact.name === "docker0" && fact.up));
  assert.deepEqual(parts.messages, ["the kernel differs from what is intended; repairing"]);
});

test("a repair never touches what is underway or not ours", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  await controller.createNetwork({ name: "backend" });
  const foreign: LinkFact = { kind: "link", namespace: HOST, name: "eth7", device: { type: "bridge" }, up: false };
  parts.kernel.meddle({ add: foreign });
  const creation = controller.createSandbox(parts.spec("c1", "backend"));
  const repairs = Array.from({ length: 20 }, () => controller.repair());
  assert.deepEqual(new Set(await Promise.all(repairs)), new Set([0]));
  const { id } = await creation;
  const removal = controller.removeSandbox(id);
  const more = Array.from({ length: 20 }, () => controller.repair());
  assert.deepEqual(new Set(await Promise.all(more)), new Set([0]));
  await removal;
  assert.ok(parts.kernel.facts().some((fact) => fact.kind === "link" && fact.name === "eth7"));
});

test("a link with our mark that nobody intends is swept while running", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  const stray: LinkFact = {
    kind: "link",
    namespace: HOST,
    name: "veth0000000",
    device: { type: "bridge" },
    up: true,
    alias: `${MARK}nobody`,
  };
  parts.kernel.meddle({ add: stray });
  await controller.repair();
  assert.ok(!parts.kernel.facts().some((fact) => fact.kind === "link" && fact.name === stray.name));
});
