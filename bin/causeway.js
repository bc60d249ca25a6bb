#!/usr/bin/env node
// causeway, the command line.
import { open } from "./door.js";

const cli = await open("cli/main");
if (cli !== undefined && "main" in cli) process.exitCode = await cli.main(process.argv.slice(2));
