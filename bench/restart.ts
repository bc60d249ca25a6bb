/**
 * What a restart costs that finds N sandboxes as it left them, on five networks: the time until the controller is open again, how
 * many kernel steps and rules it had to change (none), and how many of the packets were lost that two sandboxes exchanged
 * meanwhile. Prints one table. Needs root; runs in namespaces of its own.
 *
 *     node bench/restart.ts [sandboxes...]
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { formatAddress } from "../src/addr/ip-address.ts";
import type { SandboxView } from "../src/controller/cnm.ts";
import { openController, type OpenedController } from "../src/controller/open.ts";
import { openSandbox, type Sandbox } from "../src/controller/sandbox-handle.ts";
import { isolated } from "../tools/testing/isolated.ts";
import { round, summarize } from "./side-by-side/statistics.ts";

const NETWORKS = 5;
const RESTARTS = 5;
const PING_INTERVAL_S = 0.01;

/** Pings until it is stopped; then its own count of what was lost. */
function pinging(from: SandboxView, to: SandboxView): () => Promise<string> {
  const address = to.endpoints[0]?.endpoint.addresses[0]?.address;
  if (address === undefined) throw new Error("nobody to ping");
  const command = [`--net=${from.key}`, "ping", "-q", "-i", String(PING_INTERVAL_S), formatAddress(address)];
  const ping = spawn("nsenter", command, { stdio: ["ignore", "pipe", "inherit"] });
  const printed = text(ping.stdout);
  return async () => {
    ping.kill("SIGINT");
    const [, sent = "0", received = "0"] = /(\d+) packets transmitted, (\d+) received/.exec(await printed) ?? [];
    return `${Number(sent) - Number(received)} of ${sent}`;
  };
}

async function fill(opened: OpenedController, sandboxes: number): Promise<readonly Sandbox[]> {
  for (let index = 0; index < NETWORKS; index++) await opened.controller.createNetwork({ name: `n${index}` });
  const made: Sandbox[] = [];
  for (let index = 0; index < sandboxes; index++) {
    // The first two share a network, and ping each other.
    const network = `n${Math.max(index - 1, 0) % NETWORKS}`;
    made.push(await openSandbox(opened, { name: `c${index}`, networks: [network] }));
  }
  return made;
}

async function measure(sandboxes: number) {
  const directory = await mkdtemp(join(tmpdir(), "causeway-bench-"));
  const options = { dataRoot: join(directory, "data"), runDirectory: join(directory, "run") };
  let opened = await openController(options);
  const [first, second] = await fill(opened, sandboxes);
  if (first === undefined || second === undefined) throw new Error("at least two sandboxes are needed");
  const lost = pinging(first.view, second.view);
  const times: number[] = [];
  for (let turn = 0; turn < RESTARTS; turn++) {
    await opened[Symbol.asyncDispose]();
    const started = performance.now();
    opened = await openController(options);
    times.push(performance.now() - started);
  }
  const { steps, rules } = opened.controller.startReport;
  const row = { sandboxes, "open, ms": round(summarize(times).median), steps, rules: rules.added + rules.removed };
  const withLoss = { ...row, "packets lost": await lost() };
  await Promise.all(opened.controller.sandboxes().map(({ id }) => opened.controller.removeSandbox(id)));
  await opened[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
  return withLoss;
}

const wanted = process.argv.slice(2);
const counts = wanted.length > 0 ? wanted : ["2", "50", "200"];
if (process.env["BENCH_ISOLATED"] === undefined) {
  const [program, ...args] = isolated(dirname(import.meta.dirname), [
    process.execPath,
    import.meta.filename,
    ...counts,
  ]);
  const options = { stdio: "inherit", env: { ...process.env, BENCH_ISOLATED: "1" } } as const;
  process.exitCode = spawnSync(program, args, options).status ?? 1;
} else {
  const rows = [];
  for (const count of counts) rows.push(await measure(Number(count)));
  console.table(rows);
}
