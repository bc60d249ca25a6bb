#!/usr/bin/env node
// causeway, the command line; and `causeway plugin`, which is a daemon.
import { open } from "./door.js";

if (process.argv[2] === "plugin") {
  await open("daemon/plugin/main");
} else {
  const cli = await open("cli/main");
  if (cli !== undefined && "main" in cli) process.exitCode = await cli.main(process.argv.slice(2));
}
