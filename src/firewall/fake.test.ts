/** The fake firewall keeps the contract, and fails when told to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeFirewall } from "./fake.ts";
import { firewallContract } from "./firewall.contract.ts";
import { DOCKER0 } from "./policies.fixture.ts";

firewallContract("fake", () => Promise.resolve(new FakeFirewall()));

test("a failure that was ordered happens once and changes nothing", async () => {
  await using firewall = new FakeFirewall();
  firewall.failNext(new Error("no"));
  await assert.rejects(firewall.apply({ add: [DOCKER0], remove: [] }), /no/);
  firewall.assertEmpty();
  await firewall.apply({ add: [DOCKER0], remove: [] });
  assert.throws(() => {
    firewall.assertEmpty();
  }, /bridge docker0 4/);
});
