/**
 * The test runner: `node tools/run-tests.ts [--tier unit,netns,system] [--jobs N] [paths...]`. Each test file runs in a
 * process of its own; those that change a network run in network, mount and process namespaces of their own, so that
 * nothing reaches the machine, which is compared before and after. The last line is the tally.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { findTests, TIERS } from "./testing/discover.ts";
import type { TestFile, Tier } from "./testing/discover.ts";
import { lookAtMachine, machineChanges } from "./testing/machine.ts";
import { killRunning, runFile, TIME_LIMIT_MS } from "./testing/run-file.ts";
import type { FileResult } from "./testing/run-file.ts";
import { dockerVersion, isKnown, needsDocker, readSkips, skipLine } from "./testing/skips.ts";

const ROOT = dirname(import.meta.dirname);
/** System tests start daemons with containerd and time-outs; more at once would only make each other late. */
const SYSTEM_JOBS = 2;

interface Options {
  readonly paths: readonly string[];
  readonly tiers: readonly Tier[];
  readonly jobs: number;
  readonly checkMachine: boolean;
}

function readOptions(): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      tier: { type: "string", multiple: true, default: [] },
      jobs: { type: "string", default: String(availableParallelism()) },
      "no-machine-check": { type: "boolean", default: false },
    },
  });
  const named = values.tier.flatMap((text) => text.split(","));
  const unknown = named.filter((name) => !TIERS.some((tier) => tier === name));
  if (unknown.length > 0) throw new Error(`unknown tier ${unknown.join(", ")}: tiers are ${TIERS.join(", ")}`);
  const tiers = named.length > 0 ? TIERS.filter((tier) => named.includes(tier)) : TIERS;
  return {
    paths: positionals,
    tiers,
    jobs: Math.max(1, Number(values.jobs)),
    checkMachine: !values["no-machine-check"],
  };
}

/** Runs the files, `jobs` at once, in order, and reports each as it ends. */
async function runAll(files: readonly TestFile[], jobs: number): Promise<readonly FileResult[]> {
  const results: FileResult[] = [];
  const queue = [...files];
  const hasDocker = dockerVersion() !== undefined;
  const worker = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const options = { root: ROOT, node: process.execPath, timeoutMs: TIME_LIMIT_MS[file.tier] };
      const skipped = !hasDocker && file.tier === "system" && needsDocker(readFileSync(join(ROOT, file.path), "utf8"));
      const result = skipped ? withoutDocker(file) : await runFile(file, options);
      report(result);
      results.push(result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, files.length) }, worker));
  return results;
}

/**
 * What failed beside others runs once more, alone: on busy cores a deadline may pass for no fault of the code. What then passes
 * is named as unsteady, for somebody to mend; what fails alone has failed.
 */
async function runAgain(results: readonly FileResult[]): Promise<readonly FileResult[]> {
  const failed = results.filter(({ failures }) => failures.length > 0);
  if (failed.length === 0) return results;
  console.log(`once more, alone: ${failed.length} of ${results.length} files`);
  const again = await runAll(
    failed.map(({ file }) => file),
    1,
  );
  for (const { file, failures } of again)
    if (failures.length === 0) console.log(`     unsteady: ${file.path} failed beside others and passed alone`);
  return [...results.filter((result) => !failed.includes(result)), ...again];
}

function withoutDocker(file: TestFile): FileResult {
  const skips = [{ name: "all of it", reason: "the docker CLI is not installed" }];
  return { file, durationMs: 0, passed: 0, failures: [], skips, output: "" };
}

function report(result: FileResult): void {
  const { file, failures, skips } = result;
  const seconds = (result.durationMs / 1000).toFixed(1);
  const skipped = skips.length > 0 ? `, ${skips.length} skipped` : "";
  console.log(
    `${failures.length > 0 ? "FAIL" : "ok  "} ${file.path}: ${result.passed} passed${skipped} (${seconds} s)`,
  );
  for (const skip of skips) console.log(`     skipped: ${skip.name} (${skip.reason})`);
  for (const failure of failures) {
    console.log(`     failed: ${failure.name}\n${failure.message.replaceAll(/^/gm, "       ")}`);
  }
  if (failures.length > 0 && result.output !== "") {
    console.log(`     it printed:\n${result.output.replaceAll(/^/gm, "       | ")}`);
  }
}

/** Skips that `test/skips.txt` does not list: a failure in CI, a remark elsewhere. */
function newSkips(results: readonly FileResult[]): readonly string[] {
  const known = readSkips(join(ROOT, "test/skips.txt"));
  const grown = results.flatMap(({ file, skips }) =>
    skips.filter(({ name }) => !isKnown(known, file.path, name)).map(({ name }) => skipLine(file.path, name)),
  );
  for (const line of grown) console.log(`not in test/skips.txt: ${line}`);
  return process.env["CI"] === "true" ? grown : [];
}

function refuseWithoutRoot(files: readonly TestFile[]): void {
  const needy = files.filter((file) => file.tier !== "unit");
  if (needy.length === 0 || process.getuid?.() === 0) return;
  console.error(
    `${needy.length} test files make network namespaces, which only root may do.\n` +
      "Run them as root (sudo npm test), or the others alone: node tools/run-tests.ts --tier unit",
  );
  process.exit(2);
}

async function main(): Promise<void> {
  const options = readOptions();
  const files = findTests(ROOT, options.paths, options.tiers);
  refuseWithoutRoot(files);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      killRunning();
      process.exit(130);
    });
  }
  const before = lookAtMachine();
  const parallel = files.filter((file) => file.tier !== "system");
  const system = files.filter((file) => file.tier === "system");
  const results = [
    ...(await runAll(parallel, options.jobs)),
    ...(await runAll(system, Math.min(SYSTEM_JOBS, options.jobs))),
  ];
  const settled = await runAgain(results);
  const changes = options.checkMachine ? machineChanges(before, lookAtMachine()) : [];
  if (changes.length > 0)
    console.log(`FAIL the machine is not as it was:\n${changes.map((line) => `     ${line}`).join("\n")}`);
  finish(settled, Number(changes.length > 0) + newSkips(settled).length);
}

function finish(results: readonly FileResult[], furtherFailures: number): void {
  const sum = (count: (result: FileResult) => number): number => results.reduce((total, one) => total + count(one), 0);
  const failed = sum((one) => one.failures.length) + furtherFailures;
  const skipped = sum((one) => one.skips.length);
  console.log(`${sum((one) => one.passed)} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  process.exitCode = failed > 0 || results.length === 0 ? 1 : 0;
}

await main();
