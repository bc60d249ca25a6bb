/**
 * `npm run check`: format, lint, types, then the unit tests, which include the layers and the documents, then whether the pages
 * of docs/rules are what the engine programs. Each step runs even when one before it failed, so that one run tells everything.
 */
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";

const ROOT = dirname(import.meta.dirname);

const STEPS: readonly { readonly name: string; readonly command: readonly [string, ...string[]] }[] = [
  { name: "format", command: ["prettier", "--check", "--log-level", "warn", "."] },
  { name: "lint", command: ["oxlint", "--type-aware", "--quiet"] },
  { name: "types", command: ["tsc", "--noEmit"] },
  { name: "unit tests", command: [process.execPath, "tools/run-tests.ts", "--tier", "unit", "--no-machine-check"] },
  { name: "rules documents", command: [process.execPath, "tools/rules-docs.ts", "--check"] },
];

let failed = 0;
for (const { name, command } of STEPS) {
  const [program, ...args] = command;
  const started = performance.now();
  const { status, error } = spawnSync(program, args, { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"] });
  if (error !== undefined) console.log(error.message);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`check: ${name}: ${status === 0 ? "ok" : "FAILED"} (${seconds} s)`);
  if (status !== 0) failed += 1;
}
process.exitCode = failed > 0 ? 1 : 0;
