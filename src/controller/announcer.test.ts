/** How often neighbours are told, and what of, in time that the test moves. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { formatAddress } from "../addr/ip-address.ts";
import { FakeParts } from "./testing/fake-parts.ts";

const COUNT = "com.docker.network.advertise_addr_nmsgs";
const INTERVAL = "com.docker.network.advertise_addr_ms";

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

function told({ kernel }: FakeParts): readonly string[] {
  return kernel.announced.map(({ link, addresses }) => `${link} ${addresses.map(formatAddress).join(" ")}`);
}

/** Lets the promises between two timers settle. */
async function tick(ms: number): Promise<void> {
  mock.timers.tick(ms);
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

test("a new sandbox's addresses are told three times, a second apart", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  await controller.createNetwork({ name: "backend", enableIPv6: true });
  await controller.createSandbox(parts.spec("c1", "backend", "bridge"));
  const first = told(parts);
  assert.equal(first.length, 2);
  assert.match(first.join("\n"), /^eth0 172\.18\.0\.2 fd\S+\neth1 172\.17\.0\.2$/);
  await tick(999);
  assert.equal(told(parts).length, 2);
  for (const expected of [4, 6, 6]) {
    await tick(1000);
    assert.equal(told(parts).length, expected);
  }
});

test("a network says how often and how far apart, and a sandbox that is gone says nothing more", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  await controller.createNetwork({ name: "quick", options: { [COUNT]: "2", [INTERVAL]: "100" } });
  await controller.createNetwork({ name: "silent", options: { [COUNT]: "0" } });
  const { id } = await controller.createSandbox(parts.spec("c1", "quick", "silent"));
  assert.equal(told(parts).length, 1);
  await tick(100);
  assert.equal(told(parts).length, 2);
  await controller.connect(id, { network: "bridge", name: "c1" });
  assert.equal(told(parts).length, 3);
  await controller.removeSandbox(id);
  await tick(10_000);
  assert.equal(told(parts).length, 3);
});

for (const [options, message] of [
  [{ [COUNT]: "4" }, `${COUNT} must be in the range 0 to 3`],
  [{ [COUNT]: "-1" }, `${COUNT} must be in the range 0 to 3`],
  [{ [COUNT]: "x" }, `value for option ${COUNT} "x" must be an integer`],
  [{ [INTERVAL]: "99" }, `${INTERVAL} must be in the range 100 to 2000`],
  [{ [INTERVAL]: "1s" }, `value for option ${INTERVAL} "1s" must be integer milliseconds`],
] as const) {
  test(`refused: ${message}`, async () => {
    await using parts = await FakeParts.create();
    const controller = await parts.open();
    await assert.rejects(controller.createNetwork({ name: "n", options }), { code: "invalid-argument", message });
  });
}
