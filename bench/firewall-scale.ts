/**
 * What the 1,000th network and port cost compared with the first, and how long a connection to the 10,000th published port
 * takes compared with the first: nftables and iptables over the same policies on the same machine. First and last take turns,
 * so that whatever else the machine does meets both. Prints one table of medians; needs root, iptables and nft, works in
 * namespaces of its own.
 *
 *     node bench/firewall-scale.ts [networks and ports] [published ports for packets]
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { openKernelThread } from "../src/kernel/thread.ts";
import { FirewallLab } from "./firewall/lab.ts";
import { openBackend } from "./firewall/open-backend.ts";
import { FIRST_PORT, LAB_NETWORK, port } from "./firewall/policies.ts";
import { quantile } from "./side-by-side/statistics.ts";

const TURNS = 100;
/** Unmeasured: code is compiled, modules are loaded. */
const WARM_UP = 20;
const CONNECTIONS = 2000;
/** Ports to a change: iptables-restore takes long over more. */
const BATCH = 1000;
const BACKENDS = ["nftables", "iptables"] as const;

interface Comparison {
  readonly first: readonly number[];
  readonly last: readonly number[];
}

function startChanger(...words: readonly string[]): ChildProcess {
  const program = join(import.meta.dirname, "firewall/changer.ts");
  const command = ["--net", process.execPath, program, ...words];
  return spawn("unshare", command, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
}

async function turnOf(changer: ChildProcess): Promise<number> {
  const answer = once(changer, "message");
  changer.send("turn");
  const [took]: unknown[] = await answer;
  return Number(took);
}

/** Milliseconds that adding one more takes to who has none, and to who has one less than `count`. */
async function growth(backend: string, kind: "network" | "port", count: number): Promise<Comparison> {
  const changers = [startChanger(backend, kind, "0"), startChanger(backend, kind, String(count - 1))] as const;
  await Promise.all(changers.map((changer) => once(changer, "message")));
  const times = { first: new Array<number>(), last: new Array<number>() };
  for (let turn = -WARM_UP; turn < TURNS; turn++) {
    const [first, last] = [await turnOf(changers[0]), await turnOf(changers[1])];
    if (turn < 0) continue;
    times.first.push(first);
    times.last.push(last);
  }
  for (const changer of changers) changer.disconnect();
  return times;
}

/** Microseconds of a connection through the first and through the last of so many published ports. */
async function connections(backend: string, lab: FirewallLab, count: number): Promise<Comparison> {
  await using kernel = await openKernelThread();
  await using firewall = await openBackend(backend, kernel);
  await firewall.reconcile([LAB_NETWORK]);
  const ports = Array.from({ length: count }, (_, index) => port(index));
  for (let start = 0; start < count; start += BATCH) {
    await firewall.apply({ add: ports.slice(start, start + BATCH), remove: [] });
  }
  await lab.connect(FIRST_PORT, FIRST_PORT + count - 1, 200);
  const [first, last] = await lab.connect(FIRST_PORT, FIRST_PORT + count - 1, CONNECTIONS);
  return { first, last };
}

function row(backend: string, what: string, unit: string, { first, last }: Comparison): object {
  const [one, many] = [quantile(first, 0.5), quantile(last, 0.5)];
  const shown = (value: number): string => `${value.toPrecision(3)} ${unit}`;
  return { backend, what, first: shown(one), last: shown(many), ratio: Number((many / one).toFixed(2)) };
}

async function main(count: number, published: number): Promise<void> {
  using lab = await FirewallLab.open();
  const rows: object[] = [];
  for (const backend of BACKENDS) {
    rows.push(row(backend, `network ${count}`, "ms", await growth(backend, "network", count)));
    rows.push(row(backend, `port ${count}`, "ms", await growth(backend, "port", count)));
    rows.push(row(backend, `connection to port ${published}`, "us", await connections(backend, lab, published)));
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
