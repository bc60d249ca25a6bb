/** Links on the default bridge over strict fakes: what parents know and may reach follows their children. */
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { formatAddress } from "../addr/ip-address.ts";
import type { SandboxLink, SandboxView } from "./cnm.ts";
import type { Controller } from "./controller.ts";
import { FakeParts } from "./testing/fake-parts.ts";

const LINK: SandboxLink = {
  containerId: "child",
  names: ["db", "chost", "child"],
  ports: [{ protocol: "tcp", port: 5432 }],
};

async function setUp(parts: FakeParts): Promise<Controller> {
  const { defaultBridge } = parts.settings;
  assert.ok(defaultBridge !== undefined);
  parts.settings = { ...parts.settings, defaultBridge: { ...defaultBridge, icc: false } };
  return parts.open();
}

async function make(parts: FakeParts, controller: Controller, name: string, links: readonly SandboxLink[] = []) {
  const filesDirectory = join(parts.directory, name);
  await mkdir(filesDirectory, { recursive: true });
  return controller.createSandbox({ ...parts.spec(name, "bridge"), filesDirectory, links });
}

async function lines({ hostsPath }: SandboxView): Promise<readonly string[]> {
  return (await readFile(hostsPath, "utf8")).split("\n").filter((line) => line.includes("db"));
}

function opened(parts: FakeParts): readonly string[] {
  return parts.firewall
    .policies()
    .flatMap((policy) =>
      policy.kind === "linked-port"
        ? [`${formatAddress(policy.parent)} to ${formatAddress(policy.child)} ${policy.port}/${policy.protocol}`]
        : [],
    );
}

test("a parent names its child and may reach its ports; both end with the child and come back with its new address", async () => {
  await using parts = await FakeParts.create();
  const controller = await setUp(parts);
  const child = await make(parts, controller, "child");
  const parent = await make(parts, controller, "parent", [LINK]);
  assert.deepEqual(await lines(parent), ["172.17.0.2\tdb chost child"]);
  assert.deepEqual(opened(parts), ["172.17.0.3 to 172.17.0.2 5432/tcp"]);

  await controller.removeSandbox(child.id);
  assert.deepEqual([await lines(parent), opened(parts)], [[], []]);

  await make(parts, controller, "other");
  await make(parts, controller, "another");
  await make(parts, controller, "child");
  const [line = ""] = await lines(parent);
  assert.match(line, /^172\.17\.0\.\d+\tdb chost child$/);
  assert.deepEqual(opened(parts), [`172.17.0.3 to ${line.split("\t")[0]} 5432/tcp`]);
  assert.notEqual(line, "172.17.0.2\tdb chost child");

  await controller.removeSandbox(parent.id);
  assert.deepEqual(opened(parts), []);
});

test("a child that leaves the default bridge is let go of, and one that joins it is known", async () => {
  await using parts = await FakeParts.create();
  const controller = await setUp(parts);
  const child = await make(parts, controller, "child");
  const parent = await make(parts, controller, "parent", [LINK]);
  const [joined] = child.endpoints;
  assert.ok(joined !== undefined);
  await controller.disconnect(joined.endpoint.id);
  assert.deepEqual([await lines(parent), opened(parts)], [[], []]);
  await controller.connect(child.id, { network: "bridge", name: "child" });
  assert.equal((await lines(parent)).length, 1);
  assert.equal(opened(parts).length, 1);
});

test("a restart changes nothing, and a child that is gone since is let go of", async () => {
  await using parts = await FakeParts.create();
  const controller = await setUp(parts);
  const child = await make(parts, controller, "child");
  const parent = await make(parts, controller, "parent", [LINK]);
  const again = await parts.open();
  assert.deepEqual(again.startReport.rules, { added: 0, removed: 0 });
  assert.equal(opened(parts).length, 1);
  parts.kernel.meddle({ remove: { kind: "namespace", path: child.key } });
  await parts.open();
  assert.deepEqual([await lines(parent), opened(parts)], [[], []]);
});
