/**
 * What every firewall promises (`firewall.ts`), as a suite that runs over each implementation and the fake. It judges by the
 * answers of the interface alone; that real packets obey is the backends' own tests.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseAddress } from "../addr/ip-address.ts";
import { parsePrefix } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";
import type { Firewall } from "./firewall.ts";
import {
  BACKEND,
  BACKEND_V6,
  bridgePolicy,
  DOCKER0,
  endpointGuard,
  linkedPort,
  published,
} from "./policies.fixture.ts";

const WEB = published("docker0", "8080", "172.17.0.4:80");
const ENDPOINTS = [
  endpointGuard("docker0", "172.17.0.4", "eth9"),
  endpointGuard("br-backend", "fd00:18::2"),
  WEB,
  published("docker0", "8080", "172.17.0.4:80", { protocol: "udp", hostAddress: parseAddress("127.0.0.1") }),
  published("docker0", "9000-9499", "172.17.0.4:9000-9499"),
  published("docker0", "7000-7004", "172.17.0.4:80-84"),
  published("br-backend", "8080", "[fd00:18::2]:80"),
  linkedPort("docker0", "172.17.0.4", "172.17.0.5", 5432),
];
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

    test("guards, published ports and links come and go like networks", async () => {
      await using firewall = await open();
      await firewall.reconcile([DOCKER0, BACKEND_V6]);
      await firewall.apply({ add: ENDPOINTS, remove: [] });
      assert.deepEqual(await firewall.reconcile([DOCKER0, BACKEND_V6, ...ENDPOINTS]), NOTHING_TO_DO);
      await firewall.apply({ add: [], remove: ENDPOINTS });
      assert.deepEqual(await firewall.reconcile([DOCKER0, BACKEND_V6]), NOTHING_TO_DO);
    });

    test("a port that moves to another container is one change", async () => {
      await using firewall = await open();
      const moved = published("docker0", "8080", "172.17.0.5:80");
      await firewall.reconcile([DOCKER0, WEB]);
      await firewall.apply({ add: [moved], remove: [WEB] });
      assert.deepEqual(await firewall.reconcile([DOCKER0, moved]), NOTHING_TO_DO);
    });

    test("of two ports that lead to one the second stays whole when the first goes, and the other way round", async () => {
      await using firewall = await open();
      const second = published("docker0", "8081", "172.17.0.4:80");
      for (const [gone, left] of [
        [WEB, second],
        [second, WEB],
      ] as const) {
        await firewall.reconcile([DOCKER0, WEB, second]);
        await firewall.apply({ add: [], remove: [gone] });
        assert.deepEqual(await firewall.reconcile([DOCKER0, left]), NOTHING_TO_DO);
      }
    });

    test("a network's gateway mode changes in place", async () => {
      await using firewall = await open();
      await firewall.reconcile([DOCKER0, WEB]);
      for (const gateway of ["nat-unprotected", "routed", "nat"] as const) {
        const changed = { ...DOCKER0, gateway };
        await firewall.apply({ add: [changed], remove: [] });
        assert.deepEqual(await firewall.reconcile([changed, WEB]), NOTHING_TO_DO);
      }
    });

    test("addresses of the wrong family, ports out of range and ranges of unequal length are refused", async () => {
      await using firewall = await open();
      await firewall.reconcile([DOCKER0]);
      const bad = [
        { ...WEB, hostAddress: parseAddress("::") },
        published("docker0", "0", "172.17.0.4:80"),
        published("docker0", "8080", "172.17.0.4:65536"),
        published("docker0", "8080-8082", "172.17.0.4:80-81"),
        published("docker0", "8082-8080", "172.17.0.4:82-80"),
        endpointGuard("docker0", "172.17.0.4", "eth+"),
        { ...endpointGuard("docker0", "172.17.0.4"), family: 6 as const },
        linkedPort("docker0", "172.17.0.4", "172.17.0.5", 0),
        { ...DOCKER0, gateway: "isolated" as const },
      ];
      for (const policy of bad) {
        const refused = (error: unknown): boolean => error instanceof EngineError && error.code === "invalid-argument";
        await assert.rejects(firewall.apply({ add: [WEB, policy], remove: [] }), refused);
      }
      assert.deepEqual(await firewall.reconcile([DOCKER0]), NOTHING_TO_DO);
    });

    test("repairing what holds changes nothing, and what was never reconciled is not repaired", async () => {
      await using firewall = await open();
      assert.deepEqual(await firewall.repair(), NOTHING_TO_DO);
      await firewall.reconcile([DOCKER0, BACKEND_V6]);
      await firewall.apply({ add: [WEB], remove: [] });
      assert.deepEqual(await firewall.repair(), NOTHING_TO_DO);
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
