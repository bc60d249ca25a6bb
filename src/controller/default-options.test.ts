/** `--default-network-opt`: options that new networks of a driver get, unless they say otherwise or take them from elsewhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeParts } from "./testing/fake-parts.ts";

const MTU = "com.docker.network.driver.mtu";
const ICC = "com.docker.network.bridge.enable_icc";

test("a network gets the defaults of its driver, its own options first", async () => {
  await using parts = await FakeParts.create();
  const networkOptions = new Map([
    ["bridge", { [MTU]: "1400", [ICC]: "false" }],
    ["overlay", { [MTU]: "1300" }],
  ]);
  parts.settings = { ...parts.settings, networkOptions };
  const controller = await parts.open();
  const plain = await controller.createNetwork({ name: "plain" });
  assert.deepEqual(plain.options, { [MTU]: "1400", [ICC]: "false" });
  const own = await controller.createNetwork({ name: "own", driver: "bridge", options: { [MTU]: "1234" } });
  assert.deepEqual(own.options, { [MTU]: "1234", [ICC]: "false" });
});

test("a network made from a configuration has that one's options, and the default bridge its own", async () => {
  await using parts = await FakeParts.create();
  const config = await parts.open();
  await config.createNetwork({ name: "template", configOnly: true, options: { [MTU]: "1234" } });
  parts.settings = { ...parts.settings, networkOptions: new Map([["bridge", { [ICC]: "false" }]]) };
  const controller = await parts.open();
  const made = await controller.createNetwork({ name: "made", configFrom: "template" });
  assert.deepEqual(made.options, { [MTU]: "1234" });
  assert.equal(controller.findNetwork("bridge").options[ICC], "true");
});

test("a default that the driver refuses is refused with each network", async () => {
  await using parts = await FakeParts.create();
  parts.settings = { ...parts.settings, networkOptions: new Map([["bridge", { [MTU]: "wide" }]]) };
  const controller = await parts.open();
  await assert.rejects(controller.createNetwork({ name: "x" }), /com\.docker\.network\.driver\.mtu value: wide/);
});
