/**
 * What 500 published ports add to a container's start and to its removal, with causewayd and with the machine's own dockerd,
 * both in one run: the same docker CLI creates the same container without and with ports, starts it and removes it; the
 * difference of medians is what the ports cost. Prints one table in milliseconds. Needs root, dockerd, the docker CLI and a
 * static busybox.
 *
 *     node bench/published-ports.ts [ports] [rounds] [rounds of dockerd]
 */
import { spawnSync } from "node:child_process";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { makeBusyboxTar } from "../tools/demo/busybox-tar.ts";
import { isolated } from "../tools/testing/isolated.ts";
import { startCauseway, startDockerd, type Rival } from "./side-by-side/rivals.ts";
import { round, summarize } from "./side-by-side/statistics.ts";

const FIRST_PORT = 20_000;

interface Kind {
  readonly name: string;
  readonly flags: readonly string[];
}

interface Times {
  readonly start: number[];
  readonly remove: number[];
}

/** The container exists before: what is timed is `docker start` and, with nothing left to wait for, `docker rm -f`. */
async function measure(rival: Rival, { flags }: Kind, times: Times): Promise<void> {
  await rival.time("create", "--name", "wide", ...flags, "busybox", "sleep", "1000");
  times.start.push(await rival.time("start", "wide"));
  times.remove.push(await rival.time("rm", "-f", "wide"));
}

async function compare(rival: Rival, kinds: readonly Kind[], rounds: number) {
  const times = new Map(kinds.map((kind): [Kind, Times] => [kind, { start: [], remove: [] }]));
  // Once unmeasured: code is compiled, modules are loaded.
  for (const kind of kinds.slice(0, rounds)) await measure(rival, kind, { start: [], remove: [] });
  for (let turn = 0; turn < rounds; turn++) {
    for (const [kind, noted] of times) await measure(rival, kind, noted);
  }
  const [none, ...others] = [...times].map(([{ name }, { start, remove }]) => ({
    name,
    start: summarize(start).median,
    remove: summarize(remove).median,
  }));
  return others.map(({ name, start, remove }) => ({
    daemon: rival.name,
    ports: name,
    "start without": round(none?.start ?? 0),
    "start with": round(start),
    "added to start": round(start - (none?.start ?? 0)),
    "removal without": round(none?.remove ?? 0),
    "removal with": round(remove),
    "added to removal": round(remove - (none?.remove ?? 0)),
  }));
}

async function main(ports: number, rounds: number, rivalRounds: number): Promise<void> {
  const last = FIRST_PORT + ports - 1;
  const kinds: readonly Kind[] = [
    { name: "none", flags: [] },
    { name: `${ports}, equal numbers`, flags: ["-p", `${FIRST_PORT}-${last}:${FIRST_PORT}-${last}`] },
    { name: `${ports}, shifted`, flags: ["-p", `${FIRST_PORT}-${last}:${FIRST_PORT + 1}-${last + 1}`] },
  ];
  const tar = join(tmpdir(), "busybox.tar");
  makeBusyboxTar(tar);
  const rows: object[] = [];
  for (const [open, count] of [
    [startCauseway, rounds],
    [startDockerd, rivalRounds],
  ] as const) {
    if (count === 0) continue;
    await using rival = await open();
    await rival.time("import", tar, "busybox");
    // dockerd makes no difference between the kinds, and takes its time.
    rows.push(...(await compare(rival, open === startDockerd ? kinds.slice(0, 2) : kinds, count)));
  }
  await rm(tar);
  console.table(rows);
}

const [ports = 500, rounds = 9, rivalRounds = 1] = process.argv.slice(2).map(Number);
if (process.env["BENCH_ISOLATED"] === undefined) {
  const again = [process.execPath, import.meta.filename, String(ports), String(rounds), String(rivalRounds)];
  const [program, ...args] = isolated(dirname(import.meta.dirname), again);
  const options = { stdio: "inherit", env: { ...process.env, BENCH_ISOLATED: "1" } } as const;
  process.exitCode = spawnSync(program, args, options).status ?? 1;
} else {
  await main(ports, rounds, rivalRounds);
}
