/** Changes planned from what they touch alone come to what planning everything would have, shared rules included. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { HOST } from "../../kernel/facts.ts";
import type { Policy } from "../firewall.ts";
import { bridgePolicy, endpointGuard, linkedPort, published } from "../policies.fixture.ts";
import { Applied, reversed } from "./applied.ts";
import { formatRestore, isEmpty } from "./edits.ts";
import { KernelModel } from "./kernel-model.fixture.ts";
import { byKey, type Transition } from "./ledger.ts";
import { planFromSaved } from "./plan.ts";
import { blocksOf } from "./render.ts";
import { rulesOf } from "./rules.ts";

const bridge = fc
  .nat(2)
  .chain((number) =>
    fc.record({ icc: fc.boolean() }).map(({ icc }) => bridgePolicy(`br-${number}`, `10.0.${number}.0/24`, { icc })),
  );
/** Few host and container ports, so that many of them lead to one. */
const port = fc
  .record({ host: fc.integer({ min: 8080, max: 8084 }), container: fc.integer({ min: 80, max: 81 }) })
  .map(({ host, container }) => published("br-0", String(host), `10.0.0.2:${container}`));
const guard = fc.nat(3).map((last) => endpointGuard("br-0", `10.0.0.${last + 2}`));
const link = fc.nat(3).map((last) => linkedPort("br-0", "10.0.0.9", `10.0.0.${last + 2}`, 80));
const policies = fc.array(fc.oneof(bridge, port, port, guard, link), { maxLength: 8 });

function carryOut(model: KernelModel, applied: Applied, changed: readonly Transition[]): void {
  model.restore(formatRestore(applied.plan(changed)));
  applied.accept(changed);
}

/** Nothing is missing, nothing is left of `past`. */
function assertWhole(model: KernelModel, applied: Applied, past: readonly Policy[]): void {
  const owned = past.flatMap((policy) => blocksOf(policy)).flatMap(rulesOf);
  const edits = planFromSaved(model.saved, applied.layout(), owned);
  assert.ok(isEmpty(edits), formatRestore(edits));
}

function open(model: KernelModel): Applied {
  const applied = new Applied({ namespace: HOST, family: 4 }, {});
  const edits = planFromSaved(model.saved, applied.layout(), []);
  applied.saw(model.saved, applied.layout());
  model.restore(formatRestore(edits));
  return applied;
}

test("any sequence of additions and removals", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ add: policies, remove: policies }), { maxLength: 6 }), (history) => {
      const model = new KernelModel();
      const applied = open(model);
      for (const { add, remove } of history) {
        const changed = applied.transitions(byKey(add), byKey(remove));
        const size = applied.sizeAfter(changed);
        carryOut(model, applied, changed);
        assert.equal(applied.policies.size, size);
        assertWhole(
          model,
          applied,
          history.flatMap((step) => [...step.add, ...step.remove]),
        );
      }
    }),
  );
});

test("a change and its reversal leave what was there", () => {
  fc.assert(
    fc.property(policies, policies, policies, (first, add, remove) => {
      const model = new KernelModel();
      const applied = open(model);
      carryOut(model, applied, applied.transitions(byKey(first), new Map()));
      const before = new Map(applied.policies);
      const changed = applied.transitions(byKey(add), byKey(remove));
      carryOut(model, applied, changed);
      carryOut(model, applied, changed.map(reversed));
      assert.deepEqual(applied.policies, before);
      assertWhole(model, applied, [...first, ...add, ...remove]);
    }),
  );
});

test("a port costs the same however many there are: only its own rules are in its edits", () => {
  const applied = new Applied({ namespace: HOST, family: 4 }, {}, [
    bridgePolicy("br-0", "10.0.0.0/24"),
    ...Array.from({ length: 200 }, (_, index) => published("br-0", String(1000 + index), `10.0.0.2:${1000 + index}`)),
  ]);
  const one = published("br-0", "8080", "10.0.0.2:80");
  const { insertions, deletions } = applied.plan(applied.transitions(byKey([one]), new Map()));
  assert.deepEqual(insertions.flatMap(rulesOf), blocksOf(one).flatMap(rulesOf));
  assert.deepEqual(deletions, []);
});

test("a network costs the same however many there are: where FORWARD is all ours, nothing is taken out to add one", () => {
  const model = new KernelModel();
  const applied = open(model);
  const network = bridgePolicy("br-1", "10.0.1.0/24");
  carryOut(model, applied, applied.transitions(byKey([bridgePolicy("br-0", "10.0.0.0/24")]), new Map()));
  const changed = applied.transitions(byKey([network]), new Map());
  assert.deepEqual(applied.plan(changed).deletions, []);
  carryOut(model, applied, changed);
  assertWhole(model, applied, [network]);
});

test("where somebody else has a rule in FORWARD, ours go above it, below the jumps that stay first", () => {
  const model = new KernelModel();
  model.rules("filter", "FORWARD").push("-s 9.9.9.9/32 -j DROP", "-j REJECT");
  const applied = open(model);
  const network = bridgePolicy("br-1", "10.0.1.0/24");
  carryOut(model, applied, applied.transitions(byKey([network]), new Map()));
  assertWhole(model, applied, [network]);
  assert.deepEqual(model.rules("filter", "FORWARD").slice(-2), ["-s 9.9.9.9/32 -j DROP", "-j REJECT"]);
});
