/** The record of what is ours, across crashes: whatever the kernel may have is in it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../base/log.ts";
import { HOST } from "../../kernel/facts.ts";
import { openMemoryStore } from "../../store/memory-store.ts";
import { policyKey } from "../firewall.ts";
import { BACKEND, bridgePolicy, dnsRedirect, DOCKER0 } from "../policies.fixture.ts";
import { byKey, Ledger, transitions } from "./ledger.ts";
import { blocksOf } from "./render.ts";
import { ruleKey, rulesOf } from "./rules.ts";
import type { Policy } from "../firewall.ts";

const textsOf = (...policies: Policy[]): string[] =>
  policies
    .flatMap((each) => blocksOf(each))
    .flatMap(rulesOf)
    .map(ruleKey)
    .sort();
const owned = (ledger: Ledger, ...policies: Policy[]): string[] =>
  ledger.owned(policies.map(policyKey)).map(ruleKey).sort();

const MOVED = bridgePolicy("docker0", "10.0.0.0/8");

test("between announcement and settlement the old and the new rules are both ours, also after a crash", () => {
  const store = openMemoryStore();
  const ledger = new Ledger(store, silentLog);
  const first = transitions(byKey([]), byKey([DOCKER0]));
  ledger.announce(first);
  ledger.settle(first, "after");
  ledger.announce(transitions(byKey([DOCKER0]), byKey([MOVED])));
  const both = [...new Set(textsOf(DOCKER0, MOVED))].sort();
  assert.deepEqual(owned(ledger, DOCKER0), both);
  assert.deepEqual(owned(new Ledger(store, silentLog), DOCKER0), both);
});

test("settlement leaves exactly what holds, on either side", () => {
  const store = openMemoryStore();
  const ledger = new Ledger(store, silentLog);
  const change = transitions(byKey([DOCKER0]), byKey([MOVED, BACKEND]));
  ledger.announce(change);
  ledger.settle(change, "before");
  assert.deepEqual(owned(ledger, DOCKER0, BACKEND), textsOf(DOCKER0));
  ledger.announce(change);
  ledger.settle(change, "after");
  assert.deepEqual(owned(new Ledger(store, silentLog), DOCKER0, BACKEND), textsOf(MOVED, BACKEND));
});

test("an addition and a removal are written once each, a change that is none not at all", () => {
  const store = openMemoryStore();
  const ledger = new Ledger(store, silentLog);
  const revision = (): number => store.get("firewall", policyKey(DOCKER0))?.revision ?? 0;
  const add = transitions(byKey([]), byKey([DOCKER0]));
  ledger.announce(add);
  ledger.settle(add, "after");
  assert.equal(revision(), 1);
  assert.deepEqual(transitions(byKey([DOCKER0]), byKey([{ ...DOCKER0 }])), []);
  ledger.settle(transitions(byKey([DOCKER0]), byKey([])), "after");
  assert.deepEqual(store.list("firewall"), []);
});

test("scopes and keys are those of the recorded policies", () => {
  const ledger = new Ledger(undefined, silentLog);
  ledger.announce(transitions(byKey([]), byKey([DOCKER0, BACKEND, dnsRedirect("/n")])));
  assert.deepEqual(ledger.scopes(), [
    { namespace: HOST, family: 4 },
    { namespace: "/n", family: 4 },
  ]);
  assert.deepEqual(ledger.keys({ namespace: "/n", family: 4 }), ["dns-redirect /n"]);
});

test("a record that cannot be read is left out, and the rest is kept", () => {
  const store = openMemoryStore();
  const bad = [
    null,
    5,
    [],
    {},
    { namespace: "host", family: 5, rules: [] },
    { namespace: "host", family: 4, rules: [["x"]] },
  ];
  const good = { namespace: "host", family: 4, rules: [["filter", "FORWARD", "-j DROP"]] };
  store.commit([...bad, good].map((value, index) => ({ put: "firewall", id: String(index), value })));
  const warned: string[] = [];
  const ledger = new Ledger(store, { ...silentLog, warn: (_, message) => void warned.push(message) });
  assert.equal(warned.length, bad.length);
  assert.deepEqual(ledger.owned(["6"]), [{ table: "filter", chain: "FORWARD", text: "-j DROP" }]);
});
