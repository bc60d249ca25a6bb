/**
 * How many sandboxes per second the kernel thread makes and removes (namespace, lo up, veth into it, bridge port, address,
 * default route), against the same by `ip` commands, one process each as scripts do it, and by `ip -batch`. Prints one table.
 * Needs root; runs in namespaces of its own.
 *
 *     node bench/endpoint-churn.ts [sandboxes]
 */
import { execFileSync, spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { formatAddress } from "../src/addr/ip-address.ts";
import { parsePrefix } from "../src/addr/prefix.ts";
import { HOST, type KernelFact, type LinkFact } from "../src/kernel/facts.ts";
import type { Kernel } from "../src/kernel/kernel.ts";
import { planChange } from "../src/kernel/plan.ts";
import { openKernelThread } from "../src/kernel/thread.ts";

const NAMESPACES = "/run/netns";
const SUBNET = parsePrefix("10.200.0.1/16");

const bridge: LinkFact = {
  kind: "link",
  namespace: HOST,
  name: "br-bench",
  device: { type: "bridge" },
  up: true,
  alias: "causeway:bench",
};
const bridgeAddress: KernelFact = { kind: "address", namespace: HOST, link: bridge.name, address: SUBNET };

interface Row {
  readonly how: string;
  readonly created: number;
  readonly removed: number;
}

function hostAddress(index: number) {
  return { ...SUBNET.address, value: SUBNET.address.value + 1n + BigInt(index) };
}

function sandbox(index: number): readonly KernelFact[] {
  const namespace = `${NAMESPACES}/bench${index}`;
  const peer = { namespace, name: "eth0", up: true };
  return [
    { kind: "namespace", path: namespace },
    { kind: "link", namespace, name: "lo", device: { type: "loopback" }, up: true },
    { ...bridge, name: `vb${index}`, device: { type: "veth", peer }, master: bridge.name },
    { kind: "address", namespace, link: "eth0", address: { address: hostAddress(index), length: 16 } },
    {
      kind: "route",
      namespace,
      link: "eth0",
      destination: parsePrefix("0.0.0.0/0"),
      gateway: SUBNET.address,
    },
  ];
}

/** The same as `sandbox`, as lines for ip. */
function createLines(index: number): readonly string[] {
  const name = `bench${index}`;
  return [
    `netns add ${name}`,
    `-n ${name} link set lo up`,
    `link add vb${index} type veth peer name eth0 netns ${name}`,
    `link set vb${index} alias causeway:bench`,
    `link set vb${index} master ${bridge.name} up`,
    `-n ${name} link set eth0 up`,
    `-n ${name} addr add ${formatAddress(hostAddress(index))}/16 brd + dev eth0`,
    `-n ${name} route add default via ${formatAddress(SUBNET.address)}`,
  ];
}

function removeLines(index: number): readonly string[] {
  return [`link del vb${index}`, `netns del bench${index}`];
}

const ip = (line: string): void => void execFileSync("ip", line.split(" "));

/** The kernel takes removed namespaces apart afterwards, holding the lock that all of this needs; let it finish. */
const SETTLE_MS = 3_000;

async function perSecond(count: number, work: () => Promise<void> | void): Promise<number> {
  await delay(SETTLE_MS);
  const begin = performance.now();
  await work();
  return Math.round((count * 1000) / (performance.now() - begin));
}

/** One call per sandbox, as containers come and go one by one. */
async function oneByOne(kernel: Kernel, states: readonly (readonly KernelFact[])[]): Promise<Row> {
  const created = await perSecond(states.length, async () => {
    for (const state of states) await kernel.apply(planChange([], state));
  });
  const removed = await perSecond(states.length, async () => {
    for (const state of states) await kernel.applyAll(planChange(state, []));
  });
  return { how: "kernel thread, one call each", created, removed };
}

/** All in one call, as at start-up and shutdown. */
async function together(kernel: Kernel, states: readonly (readonly KernelFact[])[]): Promise<Row> {
  const all = states.flat();
  const created = await perSecond(states.length, () => kernel.apply(planChange([], all)));
  const removed = await perSecond(states.length, () => kernel.applyAll(planChange(all, [])));
  return { how: "kernel thread, one call for all", created, removed };
}

async function byCommands(count: number): Promise<Row> {
  const each = (lines: (index: number) => readonly string[]) => () => {
    for (let index = 0; index < count; index++) lines(index).forEach(ip);
  };
  const created = await perSecond(count, each(createLines));
  const removed = await perSecond(count, each(removeLines));
  return { how: "ip, a process per step", created, removed };
}

async function main(count: number): Promise<void> {
  await using kernel = await openKernelThread();
  await kernel.apply(planChange([], [bridge, bridgeAddress]));
  const states = Array.from({ length: count }, (_, index) => sandbox(index));
  // Once unmeasured: code is compiled, modules are loaded.
  await oneByOne(kernel, states.slice(0, 20));
  const rows = [await oneByOne(kernel, states), await together(kernel, states), await byCommands(Math.min(count, 50))];
  const table = rows.map(({ how, created, removed }) => ({ how, "created/s": created, "removed/s": removed }));
  console.table(table);
}

const count = Number(process.argv[2] ?? 200);
if (process.env["BENCH_ISOLATED"] === undefined) {
  const script =
    'mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /run; mkdir -p /run/netns; ip link set lo up; exec "$@"';
  const command = ["--net", "--mount", "--propagation", "private", "sh", "-ec", script, "sh", process.execPath];
  const options = { stdio: "inherit", env: { ...process.env, BENCH_ISOLATED: "1" } } as const;
  process.exitCode = spawnSync("unshare", [...command, import.meta.filename, String(count)], options).status ?? 1;
} else {
  await main(count);
}
