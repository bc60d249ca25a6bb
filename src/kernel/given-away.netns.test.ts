/** A pair whose other end somebody has moved and named: what is ours of it is repaired, and theirs is never touched. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { HOST, type LinkFact } from "./facts.ts";
import type { Kernel } from "./kernel.ts";
import { planRepair } from "./plan.ts";
import { linkJson, linkNames, requirePrivateNamespace, sh } from "./testing/netns.ts";
import { openKernelThread } from "./thread.ts";

const THEIRS = "/run/netns/theirs";
const pair = (peer: Extract<LinkFact["device"], { type: "veth" }>["peer"]): LinkFact => ({
  kind: "link",
  namespace: HOST,
  name: "veth1",
  device: { type: "veth", peer },
  up: true,
  alias: "causeway:e1",
});
const HANDED = pair({ namespace: HOST, name: "lent1", up: false });
const GIVEN = pair({ namespace: THEIRS, name: "lent1", up: false, givenAway: true });

let kernel: Kernel;

before(async () => {
  requirePrivateNamespace();
  kernel = await openKernelThread();
  sh("ip netns add theirs");
});
after(async () => {
  await kernel[Symbol.asyncDispose]();
  sh("ip netns del theirs");
  assert.deepEqual(linkNames(), []);
});

const plan = async () => planRepair([GIVEN], [await kernel.observe(HOST), await kernel.observe(THEIRS)]);

test("an end that was moved, renamed and switched on is no drift", async () => {
  await kernel.apply([{ action: "ensure", fact: HANDED }]);
  sh("ip link set lent1 netns theirs; ip -n theirs link set lent1 name eth0; ip -n theirs link set eth0 up");
  assert.deepEqual(await plan(), []);
});

test("our end is put right, and theirs stays the same interface", async () => {
  const theirs = linkJson("eth0", THEIRS)?.["ifindex"];
  sh("ip link set veth1 down mtu 1300");
  const steps = await plan();
  assert.equal(steps.length, 1);
  await kernel.apply(steps);
  assert.ok(String(linkJson("veth1")?.["flags"]).includes("UP"));
  assert.equal(linkJson("eth0", THEIRS)?.["ifindex"], theirs);
  assert.equal(linkJson("lent1", THEIRS), undefined);
});

test("a pair that went with their namespace is not made again", async () => {
  sh("ip -n theirs link del eth0");
  assert.deepEqual(await plan(), []);
});
