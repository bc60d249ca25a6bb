/**
 * What the 1,000th network and port cost compared with the first, and how long a connection to the 10,000th published port
 * takes compared with the first: nftables and iptables over the same policies on the same machine. Prints one table of lower
 * quartiles; needs root, iptables and nft, works in namespaces of its own.
 *
 *     node bench/firewall-scale.ts [networks and ports] [published ports for packets]
 */
import { spawnSync } from "node:child_process";
import { parseAddress } from "../src/addr/ip-address.ts";
import { parsePrefix } from "../src/addr/prefix.ts";
import { silentLog } from "../src/base/log.ts";
import type { BridgePolicy, Firewall, Policy, PublishedPorts } from "../src/firewall/firewall.ts";
import { openIptablesFirewall } from "../src/firewall/iptables/backend.ts";
import { openNftablesFirewall } from "../src/firewall/nftables/backend.ts";
import type { Kernel } from "../src/kernel/kernel.ts";
import { openKernelThread } from "../src/kernel/thread.ts";
import { openMemoryStore } from "../src/store/memory-store.ts";
import { CONTAINER, FirewallLab } from "./firewall/lab.ts";
import { quantile } from "./side-by-side/statistics.ts";

const FIRST_PORT = 1024;
/** Changes that stand for the first and for the last, after as many unmeasured ones. */
const WINDOW = 100;
const CONNECTIONS = 1500;
/** Ports to a change: iptables-restore takes long over more. */
const BATCH = 1000;

const LAB = bridge("br-lab", "10.200.0.0/24");

function bridge(name: string, subnet: string): BridgePolicy {
  return {
    kind: "bridge",
    family: 4,
    bridge: name,
    subnet: parsePrefix(subnet),
    icc: true,
    internal: false,
    masquerade: "masquerade",
    gateway: "nat",
  };
}

function network(index: number): BridgePolicy {
  return bridge(`br-${index}`, `10.${index >> 8}.${index & 0xff}.0/24`);
}

function port(index: number): PublishedPorts {
  const hostPort = FIRST_PORT + index;
  return {
    kind: "published-ports",
    family: 4,
    bridge: LAB.bridge,
    protocol: "tcp",
    hostAddress: { family: 4, value: 0n },
    hostPorts: { first: hostPort, last: hostPort },
    containerAddress: parseAddress(CONTAINER),
    containerPorts: { first: 80, last: 80 },
    translate: true,
  };
}

interface Comparison {
  readonly first: number;
  readonly last: number;
}

/** One in four was faster: less moved by what else a machine does than the median. */
const QUARTILE = 0.25;

/** Milliseconds that adding one more takes, at the beginning and at the end. */
async function growth(firewall: Firewall, count: number, policy: (index: number) => Policy): Promise<Comparison> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const begin = performance.now();
    await firewall.apply({ add: [policy(index)], remove: [] });
    times.push(performance.now() - begin);
  }
  return { first: quantile(times.slice(WINDOW, 2 * WINDOW), QUARTILE), last: quantile(times.slice(-WINDOW), QUARTILE) };
}

/** Microseconds of a connection through the first and through the last of so many published ports. */
async function connections(lab: FirewallLab, firewall: Firewall, count: number): Promise<Comparison> {
  const ports = Array.from({ length: count }, (_, index) => port(index));
  for (let start = 0; start < count; start += BATCH)
    await firewall.apply({ add: ports.slice(start, start + BATCH), remove: [] });
  await lab.connect(FIRST_PORT, FIRST_PORT + count - 1, 200);
  const [first, last] = await lab.connect(FIRST_PORT, FIRST_PORT + count - 1, CONNECTIONS);
  return { first: quantile(first, QUARTILE), last: quantile(last, QUARTILE) };
}

/** Over an empty ruleset, with the lab's network. */
async function open(backend: string, kernel: Kernel): Promise<Firewall> {
  spawnSync("nft", ["flush", "ruleset"]);
  const log = silentLog;
  const firewall =
    backend === "nftables"
      ? await openNftablesFirewall({ kernel, log, ip6: false })
      : await openIptablesFirewall({ kernel, log, store: openMemoryStore(), ip6tables: false });
  await firewall.reconcile([LAB]);
  return firewall;
}

async function main(count: number, published: number): Promise<void> {
  await using kernel = await openKernelThread();
  using lab = await FirewallLab.open();
  const rows: object[] = [];
  for (const backend of ["nftables", "iptables"]) {
    const measure = async (what: string, unit: string, body: (firewall: Firewall) => Promise<Comparison>) => {
      await using firewall = await open(backend, kernel);
      const { first, last } = await body(firewall);
      const [one, many] = [first, last].map((value) => `${value.toPrecision(3)} ${unit}`);
      rows.push({ backend, what, first: one, last: many, ratio: Number((last / first).toFixed(2)) });
    };
    await measure(`network ${count}`, "ms", (firewall) => growth(firewall, count, network));
    await measure(`port ${count}`, "ms", (firewall) => growth(firewall, count, port));
    await measure(`connection to port ${published}`, "us", (firewall) => connections(lab, firewall, published));
  }
  console.table(rows);
}

const [count = "1000", published = "10000"] = process.argv.slice(2);
if (process.env["BENCH_ISOLATED"] === undefined) {
  const script =
    'mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /run; mkdir -p /run/netns; ip link set lo up; exec "$@"';
  const command = ["--net", "--mount", "--propagation", "private", "sh", "-ec", script, "sh", process.execPath];
  const options = { stdio: "inherit", env: { ...process.env, BENCH_ISOLATED: "1" } } as const;
  process.exitCode = spawnSync("unshare", [...command, import.meta.filename, count, published], options).status ?? 1;
} else {
  await main(Number(count), Number(published));
}
