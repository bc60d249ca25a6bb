/**
 * What every firewall promises (`firewall.ts`), as a suite that runs over each implementation and the fake. It judges by the
 * answers of the interface alone; that real packets obey is the backends' own tests.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parsePrefix } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";
import type { Firewall } from "./firewall.ts";
import { BACKEND, BACKEND_V6, bridgePolicy, DOCKER0 } from "./policies.fixture.ts";

const NOTHING_TO_DO = { added: 0, removed: 0 };

/** `open` gives a firewall over an empty ruleset. */
export function firewallContract(name: string, open: () => Promise<Firewall>): void {
  describe(`the firewall contract, ${name}`, () => {
    test("reconciling what holds changes nothing", async () => {
      await using firewall = await open();
      const first = await firewall.reconcile([DOCKER0, BACKEND]);
      assert.ok(first.added > 0);
      assert.deepEqual(await firewall.reconcile([DOCKER0, BACKEND]), NOTHING_TO_DO);
    });

    test("what was applied is what reconciling finds", async () => {
      await using firewall = await open();
      await firewall.reconcile([]);
      await firewall.apply({ add: [DOCKER0, BACKEND, BACKEND_V6], remove: [] });
      assert.deepEqual(await firewall.reconcile([BACKEND_V6, BACKEND, DOCKER0]), NOTHING_TO_DO);
    });

    test("adding what is there and removing what is gone succeed", async () => {
      await using firewall = await open();
      await firewall.reconcile([DOCKER0]);
      await firewall.apply({ add: [DOCKER0], remove: [BACKEND] });
      await firewall.apply({ add: [DOCKER0], remove: [BACKEND] });
      assert.deepEqual(await firewall.reconcile([DOCKER0]), NOTHING_TO_DO);
    });

    test("adding with a known key replaces", async () => {
      await using firewall = await open();
      await firewall.reconcile([DOCKER0]);
      const closed = { ...DOCKER0, icc: false };
      await firewall.apply({ add: [closed], remove: [] });
      assert.deepEqual(await firewall.reconcile([closed]), NOTHING_TO_DO);
    });

    test("what is removed and added in one change is there afterwards", async () => {
      await using firewall = await open();
      await firewall.reconcile([DOCKER0]);
      const moved = bridgePolicy("docker0", "10.99.0.0/24");
      await firewall.apply({ add: [moved], remove: [DOCKER0] });
      assert.deepEqual(await firewall.reconcile([moved]), NOTHING_TO_DO);
    });

    test("after the last removal nothing of the network is left", async () => {
      await using firewall = await open();
      await firewall.reconcile([]);
      await firewall.apply({ add: [BACKEND, BACKEND_V6], remove: [] });
      await firewall.apply({ add: [], remove: [BACKEND_V6, BACKEND] });
      assert.deepEqual(await firewall.reconcile([]), NOTHING_TO_DO);
    });

    test("a policy that no backend could carry out is refused, and nothing of its change is done", async () => {
      await using firewall = await open();
      await firewall.reconcile([DOCKER0]);
      const wildcard = { ...BACKEND, bridge: "br+" };
      const mixed = { ...BACKEND, subnet: parsePrefix("fd00::/64") };
      for (const bad of [wildcard, mixed, { ...BACKEND, bridge: "a\n-F" }]) {
        const refused = (error: unknown): boolean => error instanceof EngineError && error.code === "invalid-argument";
        await assert.rejects(firewall.apply({ add: [BACKEND, bad], remove: [DOCKER0] }), refused);
      }
      assert.deepEqual(await firewall.reconcile([DOCKER0]), NOTHING_TO_DO);
    });

    test("changes made at once all hold", async () => {
      await using firewall = await open();
      await firewall.reconcile([]);
      const policies = Array.from({ length: 6 }, (_, index) => bridgePolicy(`br-${index}`, `10.0.${index}.0/24`));
      await Promise.all(policies.map((policy) => firewall.apply({ add: [policy], remove: [] })));
      assert.deepEqual(await firewall.reconcile(policies), NOTHING_TO_DO);
    });

    test("a closed firewall refuses", async () => {
      const firewall = await open();
      await firewall[Symbol.asyncDispose]();
      await assert.rejects(firewall.apply({ add: [], remove: [] }), /closed/);
    });
  });
}
