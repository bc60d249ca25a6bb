/**
 * How long a hand's work on an overlay's tables lasts: a forwarding entry, a neighbour entry and a VXLAN link are deleted by turns on one
 * of two hosts, and looked for until they are back. Prints one table. The look itself, a run of `bridge` or `ip`, is part of the time.
 * Needs root, etcd, the docker CLI and a static busybox; runs in namespaces of its own.
 *
 *     node bench/overlay-repair.ts [rounds]
 */
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { Lab } from "../test/lab/lab.ts";
import { inNetwork, onlyNetwork, tablesOf } from "../test/lab/tables.ts";
import { until } from "../test/support/wait.ts";
import { isolated } from "../tools/testing/isolated.ts";
import { quantile, round } from "./side-by-side/statistics.ts";

async function main(rounds: number): Promise<void> {
  await using lab = await Lab.open("etcd", { hosts: 2 });
  const [a, b] = [lab.host(1), lab.host(2)];
  await a.ok("network create -d overlay --internal shop");
  await until("shop on the other host", async () => b.does("network inspect shop"));
  await a.ok("run -d --net shop --name c1 busybox sleep 3600");
  await b.ok("run -d --net shop --name c2 busybox sleep 3600");
  await a.pings("c1", "c2");
  const network = await onlyNetwork(a);
  const whole = await tablesOf(a);
  const [mac = ""] = (whole.forwarding[0] ?? "").split(" ");
  const [address = ""] = (whole.neighbours[0] ?? "").split(" ");
  const deeds: readonly (readonly [string, string])[] = [
    ["forwarding entry", `bridge fdb del ${mac} dev vxlan0`],
    ["neighbour entry", `ip neigh del ${address} dev vxlan0`],
    ["VXLAN link, with its entries", "ip link del vxlan0"],
  ];
  const took = new Map<string, number[]>(deeds.map(([what]) => [what, []]));
  const isWhole = async (): Promise<boolean> => JSON.stringify(await tablesOf(a)) === JSON.stringify(whole);
  for (let turn = 0; turn < rounds; turn++) {
    for (const [what, deed] of deeds) {
      await inNetwork(a, network, deed);
      const started = performance.now();
      await until(`${what} is back`, isWhole, 20_000);
      took.get(what)?.push(performance.now() - started);
    }
  }
  const at = (times: readonly number[], share: number): number => round(quantile(times, share));
  const rows = [...took].map(([deleted, times]) => ({
    deleted,
    "p50 ms": at(times, 0.5),
    "p90 ms": at(times, 0.9),
    "slowest ms": at(times, 1),
  }));
  console.table(rows);
}

const rounds = Number(process.argv[2] ?? 20);
if (process.env["BENCH_ISOLATED"] === undefined) {
  const command = [process.execPath, import.meta.filename, String(rounds)];
  const [program, ...args] = isolated(dirname(import.meta.dirname), command);
  const options = { stdio: "inherit", env: { ...process.env, BENCH_ISOLATED: "1" } } as const;
  process.exitCode = spawnSync(program, args, options).status ?? 1;
} else await main(rounds);
