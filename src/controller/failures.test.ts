/** The kernel, the firewall and DNS fail at every place in turn: whatever it was, nothing of the change is left. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Controller } from "./controller.ts";
import { FakeParts } from "./testing/fake-parts.ts";

/** Runs `change` with the kernel failing at step 1, 2, ... until it is so late that the change succeeds. */
async function failAtEveryStep(parts: FakeParts, change: () => Promise<unknown>): Promise<number> {
  const before = parts.state();
  for (let step = 1; step < 100; step++) {
    parts.kernel.failAtStep(step);
    const failed = await change().then(
      () => false,
      () => true,
    );
    if (!failed) {
      assert.equal(parts.kernel.isFailurePending, true, "a failure of the kernel was swallowed");
      return step;
    }
    assert.deepEqual(parts.state(), before, `something is left after a failure at step ${step}`);
  }
  throw new Error("the change never succeeded");
}

async function withNetworks(run: (parts: FakeParts, controller: Controller) => Promise<void>): Promise<void> {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  await controller.createNetwork({ name: "one" });
  await controller.createNetwork({ name: "two", enableIPv6: true });
  await run(parts, controller);
}

test("a network whose creation fails at any step leaves nothing", async () => {
  await withNetworks(async (parts, controller) => {
    const steps = await failAtEveryStep(parts, () => controller.createNetwork({ name: "x", enableIPv6: true }));
    assert.ok(steps > 3);
  });
});

test("a sandbox whose creation fails at any step leaves nothing", async () => {
  await withNetworks(async (parts, controller) => {
    const steps = await failAtEveryStep(parts, () =>
      controller.createSandbox(parts.spec("c1", "one", "two", "bridge")),
    );
    assert.ok(steps > 10);
  });
});

test("a connect that fails at any step leaves the sandbox as it was", async () => {
  await withNetworks(async (parts, controller) => {
    const { id } = await controller.createSandbox(parts.spec("c1", "bridge"));
    const steps = await failAtEveryStep(parts, () => controller.connect(id, { network: "two", name: "c1" }));
    assert.ok(steps > 3);
  });
});

test("a sandbox whose rules or resolver cannot be made leaves nothing", async () => {
  await withNetworks(async (parts, controller) => {
    const before = parts.state();
    parts.firewall.failNext();
    await assert.rejects(controller.createSandbox(parts.spec("c1", "one")), /iptables-restore/);
    assert.deepEqual(parts.state(), before);
    parts.dns.failNextServe();
    await assert.rejects(controller.createSandbox(parts.spec("c1", "one")), /no more sockets/);
    assert.deepEqual(parts.state(), before);
    const missing = { ...parts.spec("c1", "one"), filesDirectory: `${parts.directory}/nosuch` };
    await assert.rejects(controller.createSandbox(missing), /write .*nosuch/);
    assert.deepEqual(parts.state(), before);
  });
});

test("a connect whose resolver cannot be made leaves the sandbox as it was", async () => {
  await withNetworks(async (parts, controller) => {
    const { id } = await controller.createSandbox(parts.spec("c1", "bridge"));
    const before = parts.state();
    parts.dns.failNextServe();
    await assert.rejects(controller.connect(id, { network: "one", name: "c1" }), /no more sockets/);
    assert.deepEqual(parts.state(), before);
    parts.firewall.failNext();
    await assert.rejects(controller.connect(id, { network: "one", name: "c1" }), /iptables-restore/);
    assert.deepEqual(parts.state(), before);
  });
});

test("a store that refuses a commit changes nothing", async () => {
  await withNetworks(async (parts, controller) => {
    const before = parts.state();
    const { store } = parts;
    const commit = store.commit.bind(store);
    store.commit = () => {
      throw new Error("disk full");
    };
    await assert.rejects(controller.createNetwork({ name: "x" }), /disk full/);
    await assert.rejects(controller.createSandbox(parts.spec("c1", "one")), /disk full/);
    store.commit = commit;
    assert.deepEqual(parts.state(), before);
    await controller.createSandbox(parts.spec("c1", "one"));
  });
});
