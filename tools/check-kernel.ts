/**
 * Names what this kernel lacks. Ends with status 1 when containers cannot be connected without it; what has a substitute, or
 * serves networks that are not built yet, is only said.
 */
import { probeKernel } from "../src/kernel/probe.ts";

/** What is lost without a feature that one can do without. */
const LOSSES: Readonly<Record<string, string>> = {
  overlay: "images are copied instead of layered",
  vxlan: "no overlay networks",
  macvlan: "no macvlan networks",
  ipvlan: "no ipvlan networks",
};

const missing = await probeKernel();
for (const name of missing) {
  const loss = LOSSES[name];
  if (loss !== undefined) console.error(`setup: this kernel has no ${name}: ${loss}`);
}
const needed = missing.filter((name) => LOSSES[name] === undefined);
if (needed.length > 0) {
  console.error(
    `setup: this kernel lacks ${needed.join(", ")}, without which containers cannot be connected.\n` +
      `setup: if they are modules, as root: modprobe -a ${needed.join(" ")}; else it takes another kernel.`,
  );
  process.exitCode = 1;
}
