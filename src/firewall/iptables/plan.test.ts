/** Plans against a model of the kernel: whatever was there, after the plan our rules stand where they should, and others' stay. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { HOST } from "../../kernel/facts.ts";
import type { Policy } from "../firewall.ts";
import { bridgePolicy, dnsRedirect } from "../policies.fixture.ts";
import { countEdits, formatRestore, isEmpty } from "./edits.ts";
import { KernelModel } from "./kernel-model.fixture.ts";
import { planChange, planFromSaved } from "./plan.ts";
import { blocksOf, layoutOf } from "./render.ts";
import { EMPTY_LAYOUT, rulesOf, type Layout, type Rule } from "./rules.ts";

const host = (policies: readonly Policy[]): Layout =>
  layoutOf({ namespace: HOST, family: 4 }, policies, { dropForwarded: true });
const sandbox = (policies: readonly Policy[]): Layout => layoutOf({ namespace: "/n", family: 4 }, policies);
const ownedBy = (policies: readonly Policy[]): readonly Rule[] =>
  policies.flatMap((each) => blocksOf(each)).flatMap(rulesOf);

const policy = fc
  .record({ number: fc.nat(5), icc: fc.boolean(), internal: fc.boolean() })
  .map(({ number, icc, internal }) => bridgePolicy(`br-${number}`, `10.0.${number}.0/24`, { icc, internal }));
const policies = fc.uniqueArray(policy, { selector: ({ bridge }) => bridge });

const foreignRule = fc.record({
  chain: fc.constantFrom("FORWARD", "DOCKER", "DOCKER-USER", "DOCKER-ISOLATION-STAGE-1"),
  text: fc.constantFrom("-s 9.9.9.1/32 -j ACCEPT", "-s 9.9.9.2/32 -j LOG", "-i eth9 -j DROP"),
  at: fc.nat(12),
});

function reconciled(model: KernelModel, layout: Layout, owned: readonly Rule[]): void {
  model.restore(formatRestore(planFromSaved(model.saved, layout, owned)));
}

function foreign(model: KernelModel): string[] {
  return [...(model.tables.get("filter") ?? [])].flatMap(([chain, { rules }]) =>
    rules.filter((rule) => /9\.9\.9|eth9/.test(rule)).map((rule) => `${chain} ${rule}`),
  );
}

function assertHolds(model: KernelModel, layout: Layout, owned: readonly Rule[]): void {
  assert.ok(
    isEmpty(planFromSaved(model.saved, layout, owned)),
    formatRestore(planFromSaved(model.saved, layout, owned)),
  );
  for (const { table, chain, text } of layout.blocks.flatMap(rulesOf))
    assert.equal(model.rules(table, chain).filter((rule) => rule === text).length, 1, `${chain} ${text}`);
  assert.deepEqual(model.rules("filter", "FORWARD").slice(0, 2), ["-j DOCKER-USER", "-j DOCKER-ISOLATION-STAGE-1"]);
}

test("from an empty kernel, from memory and by looking, the same rules come about", () => {
  fc.assert(
    fc.property(policies, (wanted) => {
      const [remembered, looked] = [new KernelModel(), new KernelModel()];
      remembered.restore(formatRestore(planChange(EMPTY_LAYOUT, host(wanted))));
      reconciled(looked, host(wanted), []);
      assert.deepEqual(remembered.tables, looked.tables);
    }),
  );
});

test("any sequence of changes from memory is what looking would have made, and nothing of the past is left", () => {
  fc.assert(
    fc.property(fc.array(policies, { minLength: 1 }), (history) => {
      const model = new KernelModel();
      let before = EMPTY_LAYOUT;
      for (const wanted of history) {
        model.restore(formatRestore(planChange(before, host(wanted))));
        before = host(wanted);
      }
      assertHolds(model, before, ownedBy(history.flat()));
    }),
  );
});

test("others' rules, wherever they stand, keep their order and stay through changes and restarts", () => {
  fc.assert(
    fc.property(policies, policies, fc.array(foreignRule), (first, second, others) => {
      const model = new KernelModel();
      reconciled(model, host(first), []);
      for (const { chain, text, at } of others) model.rules("filter", chain).splice(at, 0, text);
      const theirs = foreign(model);
      model.restore(formatRestore(planChange(host(first), host(second))));
      assert.deepEqual(foreign(model), theirs);
      reconciled(model, host(first), ownedBy([...first, ...second]));
      assert.deepEqual(foreign(model), theirs);
      assertHolds(model, host(first), ownedBy([...first, ...second]));
    }),
  );
});

test("whatever rules of ours were lost, doubled by none, one look brings them back", () => {
  fc.assert(
    fc.property(policies, fc.array(fc.record({ chain: fc.nat(20), rule: fc.nat(20) })), (wanted, losses) => {
      const model = new KernelModel();
      reconciled(model, host(wanted), []);
      const whole = structuredClone(model.tables);
      for (const { chain, rule } of losses) {
        const chains = [...model.tables.values()].flatMap((table) => [...table.values()]);
        chains[chain % chains.length]?.rules.splice(rule, 1);
      }
      reconciled(model, host(wanted), ownedBy(wanted));
      assertHolds(model, host(wanted), ownedBy(wanted));
      for (const [table, chains] of whole)
        for (const [chain, { rules }] of chains)
          assert.deepEqual([...model.rules(table, chain)].sort(), [...rules].sort(), chain);
    }),
  );
});

test("a chain that rejects everything comes after our rules, whoever was there first", () => {
  const model = new KernelModel();
  model.rules("filter", "FORWARD").push("-j REJECT --reject-with icmp-host-prohibited");
  const a = bridgePolicy("a", "10.0.0.0/24");
  reconciled(model, host([a]), []);
  assert.equal(model.rules("filter", "FORWARD").at(-1), "-j REJECT --reject-with icmp-host-prohibited");
  model.rules("filter", "FORWARD").unshift("-j REJECT");
  reconciled(model, host([a]), ownedBy([a]));
  assert.deepEqual(model.rules("filter", "FORWARD").slice(-2), [
    "-j REJECT",
    "-j REJECT --reject-with icmp-host-prohibited",
  ]);
});

test("a rule that is not wanted and was never ours stays", () => {
  const model = new KernelModel();
  const a = bridgePolicy("a", "10.0.0.0/24");
  reconciled(model, host([a]), []);
  assert.ok(isEmpty(planFromSaved(model.saved, host([]), [])));
});

test("a sandbox's chains go with its redirect, unless somebody else uses them", () => {
  const redirect = dnsRedirect("/n");
  for (const [text, left] of [
    ["", false],
    ["-p udp -j RETURN", true],
  ] as const) {
    const model = new KernelModel();
    model.restore(formatRestore(planChange(EMPTY_LAYOUT, sandbox([redirect]))));
    if (text !== "") model.rules("nat", "DOCKER_OUTPUT").push(text);
    reconciled(model, sandbox([]), ownedBy([redirect]));
    assert.equal(model.tables.get("nat")?.has("DOCKER_OUTPUT"), left);
    assert.ok(!model.tables.get("nat")?.has("DOCKER_POSTROUTING"));
  }
});

test("a rule that only moves is neither added nor removed", () => {
  const model = new KernelModel();
  reconciled(model, host([]), []);
  model.rules("filter", "FORWARD").unshift("-i eth9 -j DROP");
  const edits = planFromSaved(model.saved, host([]), []);
  assert.ok(!isEmpty(edits));
  assert.deepEqual(countEdits(edits), { added: 0, removed: 0 });
});
