/**
 * What a user of the docker command waits for, with causewayd and with the machine's own dockerd, both in one run: the same
 * docker CLI, each daemon in namespaces of its own, its data on a tmpfs, each command asked of one and then of the other, who
 * is first taking turns. The time of the CLI itself is in every row; the first row is about nothing else. Prints one table of
 * medians in milliseconds. Needs root, dockerd, the docker CLI and a static busybox.
 *
 *     node bench/side-by-side.ts [rounds] [containers at restart]
 */
import { spawnSync } from "node:child_process";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { makeBusyboxTar } from "../tools/demo/busybox-tar.ts";
import { isolated } from "../tools/testing/isolated.ts";
import { startCauseway, startDockerd, type Rival } from "./side-by-side/rivals.ts";
import { round, summarize } from "./side-by-side/statistics.ts";

const RUN = ["run", "-d", "--init=false", "--net", "front"];
const SLEEP = ["busybox", "sleep", "1000"];

/** One round, in order: what the row is called, and what is typed. */
const COMMANDS: readonly (readonly [string, ...(readonly string[])])[] = [
  ["version (the CLI alone)", "version"],
  ["network create", "network", "create", "front"],
  ["network create, the second", "network", "create", "back"],
  ["run -d --net", ...RUN, "--name", "c1", ...SLEEP],
  ["run -d --net, the second", ...RUN, "--name", "c2", ...SLEEP],
  ["network connect", "network", "connect", "back", "c1"],
  ["exec: nothing", "exec", "c1", "true"],
  ["exec: a name is resolved", "exec", "c1", "nslookup", "-type=a", "c2"],
  ["network inspect", "network", "inspect", "front"],
  ["network disconnect", "network", "disconnect", "back", "c1"],
  ["rm -f", "rm", "-f", "c1"],
  ["rm -f, the last", "rm", "-f", "c2"],
  ["network rm", "network", "rm", "front"],
  ["network rm, the last", "network", "rm", "back"],
];

type Times = Map<string, Map<Rival, number[]>>;

function note(times: Times, row: string, rival: Rival, took: number): void {
  const ofRow = times.get(row) ?? new Map<Rival, number[]>();
  times.set(row, ofRow.set(rival, [...(ofRow.get(rival) ?? []), took]));
}

/** Command by command, so that whatever else the machine does meets both alike. */
async function playRound(rivals: readonly Rival[], times: Times): Promise<void> {
  for (const [row, ...args] of COMMANDS) {
    for (const rival of rivals) note(times, row, rival, await rival.time(...args));
  }
}

async function playRestarts(rivals: readonly Rival[], containers: number, times: Times): Promise<void> {
  const row = `restart with ${containers} containers`;
  for (const rival of rivals) {
    await rival.time("network", "create", "front");
    for (let index = 0; index < containers; index++) await rival.time(...RUN, "--name", `r${index}`, ...SLEEP);
  }
  for (let turn = 0; turn < 3; turn++) {
    for (const rival of inTurn(rivals, turn)) note(times, row, rival, await rival.restart());
  }
  for (const rival of rivals) {
    await rival.time("rm", "-f", ...Array.from({ length: containers }, (_, index) => `r${index}`));
    await rival.time("network", "rm", "front");
  }
}

function inTurn<T>(items: readonly T[], turn: number): readonly T[] {
  return turn % 2 === 0 ? items : items.toReversed();
}

async function main(rounds: number, containers: number): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const rivals = [stack.use(await startCauseway()), stack.use(await startDockerd())];
  const tar = join(tmpdir(), "busybox.tar");
  makeBusyboxTar(tar);
  for (const rival of rivals) await rival.time("import", tar, "busybox");
  await rm(tar);
  // Once unmeasured: code is compiled, modules are loaded.
  await playRound(rivals, new Map());
  const times: Times = new Map();
  for (let turn = 0; turn < rounds; turn++) await playRound(inTurn(rivals, turn), times);
  await playRestarts(rivals, containers, times);
  console.table([...times].map(([row, ofRow]) => tableRow(row, rivals, ofRow)));
}

function tableRow(command: string, rivals: readonly Rival[], ofRow: ReadonlyMap<Rival, readonly number[]>) {
  const summaries = rivals.map((rival) => ({ rival, ...summarize(ofRow.get(rival) ?? []) }));
  const columns = summaries.flatMap(({ rival, median, p90 }) => [
    [rival.name, round(median)],
    [`${rival.name} p90`, round(p90)],
  ]);
  const [ours, theirs] = summaries;
  return {
    command,
    ...Object.fromEntries(columns),
    ratio: round((ours?.median ?? Number.NaN) / (theirs?.median ?? Number.NaN)),
  };
}

const [rounds = 15, containers = 20] = process.argv.slice(2).map(Number);
if (process.env["BENCH_ISOLATED"] === undefined) {
  const again = [process.execPath, import.meta.filename, String(rounds), String(containers)];
  const [program, ...args] = isolated(dirname(import.meta.dirname), again);
  const options = { stdio: "inherit", env: { ...process.env, BENCH_ISOLATED: "1" } } as const;
  process.exitCode = spawnSync(program, args, options).status ?? 1;
} else {
  await main(rounds, containers);
}
