// Opens a program of this package: from its source in a checkout, which Node 24 runs as it is, else from the build. Started
// by an older Node it hands over to the package's own, where there is one, and passes signals on.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { fileURLToPath } from "node:url";

const fromHere = (path) => fileURLToPath(new URL(path, import.meta.url));

export async function open(program) {
  const source = fromHere(`../src/${program}.ts`);
  const entry = existsSync(source) ? source : fromHere(`../dist/${program}.js`);
  if (Number(process.versions.node.split(".")[0]) >= 24) {
    // Taking the types out of a few hundred files takes most of a start's time, unless the result is kept.
    if (entry === source) module.enableCompileCache(fromHere("../.cache/compile"));
    return import(entry);
  }
  const newer = fromHere("../node_modules/node/bin/node");
  if (existsSync(newer)) return handOver(newer);
  console.error(
    `causeway needs Node.js 24 or newer; this is ${process.version}. In a checkout, npm install brings it.`,
  );
  process.exit(1);
}

function handOver(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: "inherit" });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGWINCH"])
    process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    process.exit(signal === null ? (code ?? 1) : 128);
  });
}
