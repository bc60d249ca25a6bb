/**
 * `npm run build`: the package's JavaScript and types in `dist/`. With `--package` (before `npm pack`) the package's exports
 * then lead to `dist/`, with `--unpackage` (after it) back to `src/`, where a checkout runs without a build.
 */
import { spawnSync } from "node:child_process";
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const ROOT = dirname(import.meta.dirname);
const PACKAGE = join(ROOT, "package.json");
const DOORS = { ".": "index", "./plugin": "plugin/plugin" };
const FROM_SOURCE = exportsOf((door) => `./src/${door}.ts`);
const FROM_BUILD = exportsOf((door) => ({ types: `./dist/${door}.d.ts`, default: `./dist/${door}.js` }));

function exportsOf(target: (door: string) => unknown): object {
  return Object.fromEntries(Object.entries(DOORS).map(([path, door]) => [path, target(door)]));
}

/** Compiles the sources, and copies what is no TypeScript but read at run time. */
function build(): void {
  rmSync(join(ROOT, "dist"), { recursive: true, force: true });
  const { status } = spawnSync("tsc", ["--project", "tsconfig.build.json"], { cwd: ROOT, stdio: "inherit" });
  if (status !== 0) throw new Error("build: the compiler found errors");
  for (const file of globSync("src/**/*.{proto,sql,json}", { cwd: ROOT })) {
    cpSync(join(ROOT, file), join(ROOT, file.replace(/^src/, "dist")));
  }
}

function setExports(exports: object): void {
  const description: object = JSON.parse(readFileSync(PACKAGE, "utf8"));
  writeFileSync(PACKAGE, `${JSON.stringify({ ...description, exports }, undefined, 2)}\n`);
}

const [mode] = process.argv.slice(2);
if (mode !== "--unpackage") build();
if (mode === "--package") setExports(FROM_BUILD);
if (mode === "--unpackage") setExports(FROM_SOURCE);
