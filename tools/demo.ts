/**
 * `npm run demo`: plays the walk-through in namespaces of its own, so that the machine's links, rules, mounts and docker are
 * neither seen nor touched, and nothing is left when the last process in there ends.
 */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { isolated } from "./testing/isolated.ts";

const ROOT = dirname(import.meta.dirname);

if (process.getuid?.() !== 0) {
  console.error("The demo makes network namespaces, which only root may do: sudo npm run demo");
  process.exit(1);
}

const started = performance.now();
const play = [process.execPath, join(ROOT, "tools/demo/play.ts"), ...process.argv.slice(2)];
const [program, ...args] = isolated(ROOT, play);
const { status } = spawnSync(program, args, { stdio: "inherit" });
console.log(
  `\nThe demo took ${((performance.now() - started) / 1000).toFixed(1)} s; its namespaces are gone, and nothing is left.`,
);
process.exitCode = status ?? 1;
