/**
 * How much of its speed a TCP stream between containers on two hosts keeps on our overlay network, against the same wires, bridges
 * and VXLAN made by hand with `ip`: iperf3 by turns over one and the other. Hosts are namespaces on one bridge. Prints one table.
 * Needs root, `ip`, `bridge` and `iperf3`; runs in namespaces of its own.
 *
 *     node bench/overlay-throughput.ts [rounds] [seconds]
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { OverlayHost, hostAddress, makeHosts, removeHosts, spread } from "../src/drivers/overlay/hosts.fixture.ts";
import { endpoint, network } from "../src/drivers/overlay/intents.fixture.ts";
import { sh } from "../src/kernel/testing/netns.ts";
import { openKernelThread } from "../src/kernel/thread.ts";
import { round, summarize } from "./side-by-side/statistics.ts";

const HOSTS = 2;
const [C1, C2] = [endpoint(1), endpoint(2)];
const PORT = 5201;

/** From one container to another. */
interface Path {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly address: string;
  readonly bitsPerSecond: number[];
}

/** A bridge, a VXLAN with a forwarding entry and a container on each host, by the commands that a guide would give. */
function makeByHand(): Path {
  for (const [own, other] of [
    [1, 2],
    [2, 1],
  ] as const) {
    const on = `ip -n host${own}`;
    sh(`ip netns add hand${own}
      ${on} link add br-hand mtu 1450 type bridge
      ${on} link add vx-hand mtu 1450 type vxlan id 4242 dstport 4789 local ${hostAddress(own)} nolearning
      ${on} link set vx-hand master br-hand up; ${on} link set br-hand up
      ${on} link add ve-hand mtu 1450 type veth peer name eth0 mtu 1450 address 02:00:00:00:42:0${own} netns hand${own}
      ${on} link set ve-hand master br-hand up
      ip -n hand${own} link set lo up; ip -n hand${own} link set eth0 up; ip -n hand${own} addr add 10.42.0.${own}/24 dev eth0
      ip -n hand${own} neigh add 10.42.0.${other} lladdr 02:00:00:00:42:0${other} dev eth0 nud permanent
      bridge -n host${own} fdb append 02:00:00:00:42:0${other} dev vx-hand dst ${hostAddress(other)} self permanent`);
  }
  return path("by hand, with ip", ["/run/netns/hand1", "/run/netns/hand2"], "10.42.0.2");
}

function path(name: string, [from, to]: readonly [string, string], address: string): Path {
  return { name, from, to, address, bitsPerSecond: [] };
}

function removeByHand(): void {
  for (const number of [1, 2]) {
    sh(`ip -n host${number} link del vx-hand; ip -n host${number} link del br-hand; ip netns del hand${number}`);
  }
}

function serve({ to }: Path): ChildProcess {
  return spawn("nsenter", [`--net=${to}`, "iperf3", "-s", "-p", String(PORT)], { stdio: "ignore" });
}

function measure({ from, address }: Path, seconds: number): number {
  const command = [
    "iperf3",
    "-c",
    address,
    "-p",
    String(PORT),
    "-t",
    String(seconds),
    "-J",
    "--connect-timeout",
    "2000",
  ];
  const { stdout } = spawnSync("nsenter", [`--net=${from}`, ...command], {
    encoding: "utf8",
    timeout: seconds * 1000 + 20_000,
  });
  const bits = /"sum_received":\s*\{[^}]*"bits_per_second":\s*([\d.e+]+)/.exec(stdout)?.[1];
  if (bits === undefined) throw new Error(`iperf3 says: ${stdout.slice(0, 500)}`);
  return Number(bits);
}

/** A server listens once its socket does; the first try may be too early. */
function warmUp(one: Path): void {
  for (let attempt = 1; ; attempt++) {
    try {
      measure(one, 1);
      return;
    } catch (cause) {
      if (attempt === 20) throw cause;
    }
  }
}

async function main(rounds: number, seconds: number): Promise<void> {
  makeHosts(HOSTS);
  await using kernel = await openKernelThread();
  const [h1, h2] = [new OverlayHost(kernel, network(), 1), new OverlayHost(kernel, network(), 2)];
  await spread([
    [h1, [C1]],
    [h2, [C2]],
  ]);
  const paths = [path("overlay network", [h1.sandboxPath(C1), h2.sandboxPath(C2)], "10.0.0.12"), makeByHand()];
  const servers = paths.map(serve);
  try {
    paths.forEach(warmUp);
    for (let turn = 0; turn < rounds; turn++) {
      for (const one of turn % 2 === 0 ? paths : paths.toReversed()) one.bitsPerSecond.push(measure(one, seconds));
    }
  } finally {
    for (const server of servers) {
      server.kill("SIGKILL");
      await once(server, "exit");
    }
  }
  report(paths);
  removeByHand();
  for (const host of [h1, h2]) await host.hold([], []);
  removeHosts(HOSTS);
}

function report(paths: readonly Path[]): void {
  const medians = paths.map(({ bitsPerSecond }) => summarize(bitsPerSecond).median);
  const rows = paths.map(({ name, bitsPerSecond }, index) => ({
    path: name,
    "median Gbit/s": round((medians[index] ?? Number.NaN) / 1e9),
    slowest: round(Math.min(...bitsPerSecond) / 1e9),
    fastest: round(Math.max(...bitsPerSecond) / 1e9),
  }));
  console.table(rows);
  console.log(`ratio of medians: ${((medians[0] ?? Number.NaN) / (medians[1] ?? Number.NaN)).toFixed(3)}`);
}

const [rounds, seconds] = [Number(process.argv[2] ?? 15), Number(process.argv[3] ?? 2)];
if (process.env["BENCH_ISOLATED"] === undefined) {
  const script =
    'mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /run; mkdir -p /run/netns; ip link set lo up; exec "$@"';
  const command = ["--net", "--mount", "--propagation", "private", "sh", "-ec", script, "sh", process.execPath];
  const options = { stdio: "inherit", env: { ...process.env, BENCH_ISOLATED: "1" } } as const;
  const args = [...command, import.meta.filename, String(rounds), String(seconds)];
  process.exitCode = spawnSync("unshare", args, options).status ?? 1;
} else {
  await main(rounds, seconds);
}
