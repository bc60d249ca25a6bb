/** Entries of tables, thousands at a time, judged by `bridge` and `ip`; one that is refused is named, and the others hold. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { parseAddress } from "../addr/ip-address.ts";
import { HOST, type ForwardingFact, type KernelFact, type LinkFact, type NeighbourFact } from "./facts.ts";
import { KernelError } from "./kernel-error.ts";
import type { Kernel } from "./kernel.ts";
import { planRepair } from "./plan.ts";
import { ensure, json, linkNames, remove, requirePrivateNamespace, sh } from "./testing/netns.ts";
import { openKernelThread } from "./thread.ts";

const COUNT = 3000;
const vxlan: LinkFact = {
  kind: "link",
  namespace: HOST,
  name: "vx-1",
  device: { type: "vxlan", vni: 42, port: 4789, learning: false, proxy: true, local: parseAddress("127.0.0.1") },
  up: true,
  alias: "causeway:v1",
};
const on = { namespace: HOST, link: "vx-1" };

function neighbour(number: number): NeighbourFact {
  const address = { family: 4, value: 0x0a000000n + BigInt(number) } as const;
  return { kind: "neighbour", ...on, address, mac: { mac: 0x020000000000n + BigInt(number) } };
}

function forwarding(number: number, destination = "192.0.2.1"): ForwardingFact {
  const mac = { mac: 0x020000000000n + BigInt(number) };
  return { kind: "forwarding", ...on, mac, destination: parseAddress(destination) };
}

const entries: readonly KernelFact[] = Array.from({ length: COUNT }, (_, number) => [
  neighbour(number + 1),
  forwarding(number + 1),
]).flat();

let kernel: Kernel;
before(async () => {
  requirePrivateNamespace();
  kernel = await openKernelThread();
  await kernel.apply(ensure(vxlan));
});
after(async () => {
  await kernel.apply(remove(vxlan));
  assert.deepEqual(linkNames(), []);
  await kernel[Symbol.asyncDispose]();
});

function counts(): readonly number[] {
  const stations = json("bridge -j fdb show dev vx-1").filter((entry) => "dst" in entry);
  return [json("ip -j neigh show dev vx-1 nud permanent").length, stations.length];
}

test("thousands of entries are made, found whole, and removed", async () => {
  await kernel.apply(ensure(...entries));
  assert.deepEqual(counts(), [COUNT, COUNT]);
  assert.deepEqual(planRepair([vxlan, ...entries], [await kernel.observe(HOST)]), []);
  await kernel.apply(remove(...entries));
  assert.deepEqual(counts(), [0, 0]);
});

test("what of them is missing or too much is what a repair says", async () => {
  const all = [vxlan, ...entries];
  await kernel.apply(ensure(...entries));
  sh(`bridge fdb del 02:00:00:00:00:07 dev vx-1 dst 192.0.2.1; ip neigh del 10.0.0.9 dev vx-1
    bridge fdb replace 02:00:00:00:00:08 dev vx-1 dst 192.0.2.8 self permanent
    ip neigh add 10.99.0.1 lladdr 02:00:00:00:99:01 dev vx-1 nud reachable`);
  const steps = planRepair(all, [await kernel.observe(HOST)]);
  assert.equal(steps.length, 4);
  await kernel.apply(steps);
  assert.deepEqual(planRepair(all, [await kernel.observe(HOST)]), []);
  await kernel.apply(remove(...entries));
});

test("a refused entry is named with the number of steps before it", async () => {
  const facts = [...entries.slice(0, 1000), forwarding(5000, "2001:db8::1"), ...entries.slice(1000)];
  const failure = await kernel.apply(ensure(...facts)).catch((cause: unknown) => cause);
  assert.ok(failure instanceof KernelError);
  assert.equal(failure.completed, 1000);
  assert.match(failure.message, /^add forwarding of 02:00:00:00:13:88 to 2001:db8::1 on vx-1: /);
  await kernel.apply(remove(...facts));
  assert.deepEqual(counts(), [0, 0]);
});

test("where failures do not stop, all of them are told and everything else holds", async () => {
  const refused = [forwarding(5000, "2001:db8::1"), forwarding(5001, "2001:db8::1")];
  const facts = [refused, entries].flat();
  const failure = await kernel.applyAll(ensure(...facts)).catch((cause: unknown) => cause);
  assert.ok(failure instanceof AggregateError);
  assert.deepEqual(
    failure.errors.map((error) => error instanceof KernelError && error.completed),
    [0, 1],
  );
  assert.deepEqual(counts(), [COUNT, COUNT]);
  await kernel.apply(remove(...facts));
});

test("entries on a link that is not there: making them fails, removing them does not", async () => {
  const lost = { ...neighbour(1), link: "nowhere" };
  await assert.rejects(kernel.apply(ensure(lost)), /^KernelError: add neighbour 10\.0\.0\.1 on nowhere: .*\(ENODEV\)/);
  await kernel.apply(remove(lost));
});
