/**
 * How long after `docker run` has returned on one host its container answers, by name, a ping from a container of another host. The
 * docker CLI runs on host A; on host B a shell waits in the other container's namespaces, and pings the name until it is answered, from
 * the moment that `docker run` has returned. Prints one table. Needs root, etcd, the docker CLI and a static busybox;
 * runs in namespaces of its own.
 *
 *     node bench/join-latency.ts [joins]
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { dirname } from "node:path";
import { Lab } from "../test/lab/lab.ts";
import type { LabHost } from "../test/lab/lab-host.ts";
import { until } from "../test/support/wait.ts";
import { isolated } from "../tools/testing/isolated.ts";
import { quantile, round } from "./side-by-side/statistics.ts";

/** Waits for the word; then the name is looked up and pinged anew until that succeeds. */
const ASK = 'echo waiting; read -r word; until ping -c 1 -W 1 "$0" >/dev/null 2>&1; do :; done; echo answered';

/** Milliseconds from the return of `docker run` on `a` to the first answer on `b`. */
async function join(a: LabHost, b: LabHost, name: string): Promise<number> {
  const pid = await b.ok("inspect -f {{.State.Pid}} asker");
  const [program, ...args] = b.commandOn("nsenter", `--target=${pid}`, "--net", "--mount", "--", "sh", "-c", ASK, name);
  const asker = spawn(program, args, { stdio: ["pipe", "pipe", "ignore"] });
  await once(asker.stdout, "data");
  await a.ok(`run -d --net shop --name ${name} busybox sleep 3600`);
  const returned = performance.now();
  asker.stdin.write("now\n");
  await once(asker.stdout, "data");
  const answered = performance.now();
  await a.ok(`rm -f ${name}`);
  return answered - returned;
}

async function main(joins: number): Promise<void> {
  await using lab = await Lab.open("etcd", { hosts: 2 });
  const [a, b] = [lab.host(1), lab.host(2)];
  await a.ok("network create -d overlay --internal shop");
  await until("shop on the other host", async () => b.does("network inspect shop"));
  await b.ok("run -d --net shop --name asker busybox sleep 3600");
  const took: number[] = [];
  for (let count = 0; count < joins; count++) took.push(await join(a, b, `c${count}`));
  const at = (share: number): number => round(quantile(took, share));
  console.table([{ joins, "p50 ms": at(0.5), "p90 ms": at(0.9), "p99 ms": at(0.99), "slowest ms": at(1) }]);
}

const joins = Number(process.argv[2] ?? 100);
if (process.env["BENCH_ISOLATED"] === undefined) {
  const command = [process.execPath, import.meta.filename, String(joins)];
  const [program, ...args] = isolated(dirname(import.meta.dirname), command);
  const options = { stdio: "inherit", env: { ...process.env, BENCH_ISOLATED: "1" } } as const;
  process.exitCode = spawnSync(program, args, options).status ?? 1;
} else await main(joins);
