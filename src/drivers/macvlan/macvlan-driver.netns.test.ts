/**
 * macvlan networks carried out by the real kernel thread: who reaches whom in each mode, judged by ping from two sandboxes and
 * a host on the parent's wire.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { parseMac } from "../../addr/mac-address.ts";
import { parsePrefix } from "../../addr/prefix.ts";
import type { KernelFact } from "../../kernel/facts.ts";
import { KernelError } from "../../kernel/kernel-error.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { planChange, planRepair } from "../../kernel/plan.ts";
import { openKernelThread } from "../../kernel/thread.ts";
import { sandboxFacts } from "../../sandbox/stack.ts";
import { endpoint, idOf, network, pool } from "../bridge/intents.fixture.ts";
import type { NetworkIntent } from "../intent.ts";
import { createMacvlanDriver, MACVLAN_MODE_OPTION } from "./macvlan-driver.ts";

const DIRECTORY = "/run/causeway-netns";
const OUTSIDE = "192.0.2.1";
const FAR = "198.51.100.1";
const driver = createMacvlanDriver();

let kernel: Kernel;
let current: readonly KernelFact[] = [];

const sh = (script: string): string => execFileSync("sh", ["-ec", script], { encoding: "utf8" });

before(async () => {
  mkdirSync(DIRECTORY, { recursive: true });
  sh(`
    ip netns add outside
    ip link add eth1 type veth peer name eth0 netns outside
    ip link set eth1 up
    ip -n outside link set lo up
    ip -n outside link set eth0 up
    ip -n outside address add ${OUTSIDE}/24 dev eth0
    ip -n outside address add ${FAR}/32 dev lo
  `);
  kernel = await openKernelThread();
});
after(async () => {
  await hold([]);
  await kernel[Symbol.asyncDispose]();
  sh("ip netns del outside");
});

async function hold(wanted: readonly KernelFact[]): Promise<void> {
  await kernel.apply(planChange(current, wanted));
  current = wanted;
}

/** c1 is 192.0.2.11, and so on. */
function sandbox(mode: string, number: number): readonly KernelFact[] {
  const lan: NetworkIntent = network({
    driver: "macvlan",
    options: { parent: "eth1", [MACVLAN_MODE_OPTION]: mode },
    pools: [pool("192.0.2.0/24", OUTSIDE)],
  });
  const intent = endpoint({
    id: idOf(`c${number}`),
    mac: parseMac(`02:00:00:00:00:1${number}`),
    addresses: [parsePrefix(`192.0.2.1${number}/24`)],
  });
  const place = { namespace: `${DIRECTORY}/c${number}`, interfaceName: "eth0" };
  const candidate = { networkName: lan.name, internal: lan.internal, gatewayPriority: 0, interfaceName: "eth0" };
  const { gateways, routes } = driver.joinInfo(lan, intent);
  const joined = { ...candidate, gateways, routes, addresses: intent.addresses, options: {} };
  return [
    ...sandboxFacts({ namespace: place.namespace, endpoints: [joined], sysctls: {} }),
    ...driver.endpointState(lan, intent, place).facts,
  ];
}

function pings(from: number, address: string): boolean {
  const inside = [`--net=${DIRECTORY}/c${from}`, "busybox", "ping", "-c", "1", "-W", "1", address];
  return spawnSync("nsenter", inside, { timeout: 10_000 }).status === 0;
}

const macOfParent = (): string => sh("cat /sys/class/net/eth1/address").trim();

const MODES = [
  { mode: "bridge", each: true, why: "the parent's links are switched among each other" },
  { mode: "private", each: false, why: "what comes from another of its links is dropped" },
  { mode: "vepa", each: false, why: "the wire's other end turns no frame round" },
] as const;

for (const { mode, each, why } of MODES) {
  test(`in mode ${mode} two sandboxes reach the wire, and each other ${each ? "too" : "not"}: ${why}`, async () => {
    await hold([...sandbox(mode, 1), ...sandbox(mode, 2)]);
    assert.ok(pings(1, OUTSIDE) && pings(2, OUTSIDE) && pings(1, FAR));
    assert.deepEqual([pings(1, "192.0.2.12"), pings(2, "192.0.2.11")], [each, each]);
    assert.match(sh("ip -n outside neigh show 192.0.2.11"), /lladdr 02:00:00:00:00:11/);
    assert.match(sh(`nsenter --net=${DIRECTORY}/c1 ip -d link show eth0`), new RegExp(`macvlan mode ${mode}`));
    await hold([]);
  });
}

test("in mode passthru one sandbox has the parent's place and MAC, a second is refused, and the parent is as it was", async () => {
  const before = macOfParent();
  await hold(sandbox("passthru", 1));
  assert.ok(pings(1, FAR));
  assert.equal(macOfParent(), "02:00:00:00:00:11");
  await assert.rejects(
    kernel.apply(planChange([], sandbox("passthru", 2))),
    (error) =>
      error instanceof KernelError && /failed to create the macvlan port: invalid argument/.test(error.message),
  );
  await kernel.applyAll(planChange(sandbox("passthru", 2), []));
  await hold([]);
  assert.equal(macOfParent(), before);
});

test("what holds is left alone, and a link that somebody deleted is made again", async () => {
  const facts = sandbox("bridge", 1);
  await hold(facts);
  const namespace = `${DIRECTORY}/c1`;
  const sysctls = facts.flatMap((fact) => (fact.kind === "sysctl" ? [fact.key] : []));
  assert.deepEqual(planRepair(facts, [await kernel.observe(namespace, sysctls)]), []);
  sh(`nsenter --net=${namespace} ip link delete eth0`);
  await kernel.apply(planRepair(facts, [await kernel.observe(namespace, sysctls)]));
  assert.ok(pings(1, FAR));
  await hold([]);
});

test("a parent that is a bridge's port is busy", async () => {
  sh("ip link add br0 type bridge; ip link set eth1 master br0");
  await assert.rejects(
    kernel.apply(planChange([], sandbox("bridge", 1))),
    /failed to create the macvlan port: device or resource busy/,
  );
  await kernel.applyAll(planChange(sandbox("bridge", 1), []));
  sh("ip link delete br0");
});
