#!/usr/bin/env node
// causewayd, the daemon.
import { open } from "./door.js";

await open("daemon/main");
