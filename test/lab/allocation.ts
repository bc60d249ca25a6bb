/**
 * The proof that no address is given out twice and none is lost: three hosts lease addresses of one network at once, for real
 * sandboxes, while the leader of a three-member etcd is killed twice. What was given out is read from the kernels, not from our store.
 */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { startEtcd, type EtcdServers } from "../support/etcd-server.ts";
import { run } from "../support/run.ts";
import { until } from "../support/wait.ts";
import { Machine } from "./machine.ts";
import { OWN_ADDRESS, Underlay } from "./underlay.ts";

const PROGRAM = new URL("allocator.ts", import.meta.url).pathname;
const HOSTS = 3;
const READ_MS = 120_000;

export interface Allocation {
  /** On the containers' interfaces, of all hosts, as the kernels say. */
  readonly addresses: readonly string[];
  readonly seconds: number;
  /** How often a sandbox was refused because the store was away, and asked for again. */
  readonly refusals: number;
  readonly leadersKilled: number;
}

interface Worker {
  readonly machine: Machine;
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly printed: { text: string };
}

/** Needs a network namespace of its own. */
export async function allocate(perHost: number, withinMs: number): Promise<Allocation> {
  await using parts = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "causeway-lab-"));
  parts.defer(() => rmSync(directory, { recursive: true, force: true }));
  const underlay = parts.use(await Underlay.open());
  const etcd = parts.use(await startEtcd({ address: OWN_ADDRESS, members: 3 }));
  const workers: Worker[] = [];
  for (let number = 1; number <= HOSTS; number++) {
    const machine = parts.use(new Machine(`host${number}`));
    await machine.switchOn();
    await underlay.attach(machine.name, machine.pid, Underlay.addressOf(number));
    const home = join(directory, machine.name);
    mkdirSync(home);
    const words = [`${etcd.url}/lab`, Underlay.addressOf(number), "shop", String(perHost), home];
    workers.push(startWorker(machine, words));
  }
  for (const worker of workers) await said(worker, "ready", 60_000);
  const started = performance.now();
  workers.forEach(({ child }, index) => child.stdin.write(index === 0 ? "make\n" : "go\n"));
  const leadersKilled = await killLeaders(etcd, workers, perHost * HOSTS);
  for (const worker of workers) await said(worker, "done", withinMs);
  const seconds = (performance.now() - started) / 1000;
  const addresses: string[] = [];
  for (const { machine } of workers) addresses.push(...(await addressesOn(machine)));
  const refusals = workers.reduce((sum, { printed }) => sum + count(printed.text, "again"), 0);
  return { addresses, seconds, refusals, leadersKilled };
}

function startWorker(machine: Machine, words: readonly string[]): Worker {
  const [program, ...args] = [...machine.within, process.execPath, PROGRAM, ...words];
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  const printed = { text: "" };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (printed.text += chunk));
  }
  child.stdin.on("error", () => undefined);
  return { machine, child, printed };
}

async function said({ machine, child, printed }: Worker, word: string, withinMs: number): Promise<void> {
  const look = (): boolean => {
    if (count(printed.text, word) > 0) return true;
    if (child.exitCode !== null) throw new Error(`${machine.name} ended: ${printed.text.slice(-2_000)}`);
    return false;
  };
  await until(`${machine.name} says ${word}`, look, withinMs);
}

const count = (text: string, word: string): number => text.split("\n").filter((line) => line === word).length;

/** After a quarter and after half of all; whoever was killed first is back before the second goes. */
async function killLeaders(etcd: EtcdServers, workers: readonly Worker[], total: number): Promise<number> {
  const made = (): number => workers.reduce((sum, { printed }) => sum + count(printed.text, "made"), 0);
  let killed = 0;
  for (const share of [0.25, 0.5]) {
    await until(`${share} of all are made`, () => made() >= share * total, 600_000);
    const member = etcd.members[await etcd.leader()];
    await member?.kill();
    killed++;
    await until("it goes on", async () => (await etcd.leader()) >= 0, 60_000);
    await member?.start();
  }
  return killed;
}

/** IPv4 addresses of the interfaces in the host's sandboxes, by `ip`, without loopback. */
async function addressesOn(machine: Machine): Promise<readonly string[]> {
  const script =
    'for f in /run/causeway/netns/*; do case "${f##*/}" in 1-*) ;; *) nsenter --net="$f" ip -o -4 addr show scope global ;; esac; done';
  const [program, ...args] = [...machine.within, "sh", "-ec", script];
  const { status, stdout, stderr } = await run([program, ...args], { timeoutMs: READ_MS });
  if (status !== 0) throw new Error(`${machine.name}: ${stderr}`);
  return [...stdout.matchAll(/ inet (\d+\.\d+\.\d+\.\d+)\//g)].map(([, address = ""]) => address);
}
