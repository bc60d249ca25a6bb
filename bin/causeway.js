#!/usr/bin/env node
// The door of the causeway command: compiled where the package is built, else the source itself (Node 24 runs it).
import { existsSync } from "node:fs";
const built = new URL("../dist/cli/main.js", import.meta.url);
const { main } = await import(existsSync(built) ? built.href : new URL("../src/cli/main.ts", import.meta.url).href);
process.exitCode = await main(process.argv.slice(2));
